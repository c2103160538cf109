//! Facts about the objects at the two ends of a flow.

use crate::{schema::section, value::RegexText};

section! {
    /// Facts about the objects at the two ends of a flow.
    Attributes, Labels {
        /// Of the side that started the flow.
        source: SideAttributes = SideAttributes::preset(), Application;
        /// Of the other side.
        destination: SideAttributes = SideAttributes::preset(), Application;
    }
}

section! {
    /// Facts about the object at one end of a flow.
    SideAttributes, Labels {
        /// Objects of Kubernetes.
        k8s: K8sAttributes = K8sAttributes::preset(), Application;
    }
}

section! {
    /// Facts about an object of Kubernetes.
    K8sAttributes, Nested {
        /// Parts of an object that become attributes.
        extract: Extract = Extract::preset(), Application;
        /// How an object is found.
        association: Association = Association::preset(), Application;
    }
}

section! {
    /// Parts of an object that become attributes.
    Extract, Nested {
        /// Fields, as a kind (`[*]` for any) and a path.
        metadata: Vec<String> = usual_metadata(), Application;
        /// Labels.
        label: Vec<Pick> = Vec::new(), Application;
        /// Annotations.
        annotation: Vec<Pick> = Vec::new(), Application;
    }
}

section! {
    /// A label or annotation to take.
    Pick, Nested {
        /// The kind of object, in upper or lower case.
        from: Option<String> = None, Application;
        /// Its key.
        key: Option<String> = None, Application;
        /// Its key, as a regular expression.
        key_regex: Option<RegexText> = None, Application;
        /// Its value, as a regular expression.
        value_regex: Option<RegexText> = None, Application;
        /// The attribute it becomes.
        attribute: Option<String> = None, Application;
        /// The value the attribute gets.
        attribute_value: Option<String> = None, Application;
        /// The attribute it becomes, in the words of earlier versions.
        tag_name: Option<String> = None, Application;
    }
}

section! {
    /// How an object is found, by kind. A kind that is left out is found by the application's own rules.
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
    /// An attribute of a flow, and the fields of an object that it may be in.
    SourceOf, Nested {
        /// The attribute.
        from: String = String::new(), Application, required;
        /// The attribute, where `from` is `flow` as in earlier versions.
        name: Option<String> = None, Application;
        /// The fields, as paths.
        to: Vec<String> = Vec::new(), Application, required;
    }
}

fn usual_metadata() -> Vec<String> {
    ["name", "namespace", "uid"]
        .iter()
        .map(|field| format!("[*].metadata.{field}"))
        .collect()
}
