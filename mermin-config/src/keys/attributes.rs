//! Facts about the objects at the two endpoints of a flow.

use crate::{schema::section, value::RegexText};

section! {
    /// Object attributes of both endpoints of a flow.
    Attributes, Labels {
        /// The side that started the flow, as far as the packets show it.
        source: SideAttributes = SideAttributes::defaults(), Application;
        /// The other side.
        destination: SideAttributes = SideAttributes::defaults(), Application;
    }
}

section! {
    /// Object attributes of one end of a flow.
    SideAttributes, Labels {
        /// Kubernetes objects.
        k8s: K8sAttributes = K8sAttributes::defaults(), Application;
    }
}

section! {
    /// Attributes of a Kubernetes object.
    K8sAttributes, Nested {
        /// Parts of an object that become attributes.
        extract: Extract = Extract::defaults(), Application;
        /// Rules that find an object.
        association: Association = Association::defaults(), Unsupported;
    }
}

section! {
    /// Parts of an object that become attributes.
    Extract, Nested {
        /// Fields that become attributes. Each is a kind in brackets (`[*]` for any kind), and a path.
        metadata: Vec<String> = usual_metadata(), Application;
        /// Labels that become attributes.
        label: Vec<Pick> = Vec::new(), Application;
        /// Annotations that become attributes.
        annotation: Vec<Pick> = Vec::new(), Application;
    }
}

section! {
    /// A label or annotation that becomes an attribute.
    Pick, Nested {
        /// The kind of object, in upper or lower case.
        from: Option<String> = None, Application;
        /// Key of the label or annotation.
        key: Option<String> = None, Application;
        /// Key of the label or annotation, as a regular expression.
        key_regex: Option<RegexText> = None, Unsupported;
        /// Value of the label or annotation, as a regular expression.
        value_regex: Option<RegexText> = None, Unsupported;
        /// Name of the attribute.
        attribute: Option<String> = None, Unsupported;
        /// Value of the attribute.
        attribute_value: Option<String> = None, Unsupported;
        /// The same as `attribute`, as earlier versions named this key.
        tag_name: Option<String> = None, Unsupported;
    }
}

section! {
    /// Rules that find an object, by kind. For a kind that is left out, the application's own rules apply.
    Association, Nested {
        /// Pods.
        pod: Option<ObjectSources> = None, Application;
        /// Nodes.
        node: Option<ObjectSources> = None, Application;
        /// Services.
        service: Option<ObjectSources> = None, Application;
        /// Endpoints.
        endpoint: Option<ObjectSources> = None, Application;
        /// Endpoint slices.
        endpointslice: Option<ObjectSources> = None, Application;
        /// Ingresses.
        ingress: Option<ObjectSources> = None, Application;
        /// Gateways.
        gateway: Option<ObjectSources> = None, Application;
        /// Network policies.
        networkpolicy: Option<ObjectSources> = None, Application;
    }
}

section! {
    /// Pairs of a flow's attribute and fields of an object.
    ObjectSources, Nested {
        /// The pairs.
        sources: Vec<SourceOf> = Vec::new(), Application;
    }
}

section! {
    /// An attribute of a flow, and fields of an object that may contain its value.
    SourceOf, Nested {
        /// Name of the flow's attribute.
        from: String = String::new(), Application, required;
        /// Name of the attribute if `from` is `flow`, as earlier versions wrote it.
        name: Option<String> = None, Application;
        /// Paths of the object's fields.
        to: Vec<String> = Vec::new(), Application, required;
    }
}

fn usual_metadata() -> Vec<String> {
    ["name", "namespace", "uid"]
        .iter()
        .map(|field| format!("[*].metadata.{field}"))
        .collect()
}
