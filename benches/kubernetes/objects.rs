//! Objects of a cluster, as an API server writes them: pods of two containers with probes, ten to a replica set, a hundred to a node.

/// Pods of a replica set.
pub const REPLICAS: u32 = 10;
/// Pods of a node.
pub const ON_A_NODE: u32 = 100;

/// Address of a pod.
#[must_use]
pub fn address(pod: u32) -> [u8; 4] {
    let [_, b, c, d] = pod.to_be_bytes();
    [10, 100 + b, c, d]
}

/// Uid of an object, as random as one of the server's.
fn uid(sort: u32, number: u32) -> String {
    let mix = |seed: u64| {
        let mixed = (u64::from(number) << 32 | u64::from(sort))
            .wrapping_add(seed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    let (high, low) = (mix(1), mix(2));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

/// Five letters of a pod's name.
fn suffix(mut number: u32) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let letters = (0..5).map(|_| {
        let letter = LETTERS[number as usize % LETTERS.len()];
        number /= 27;
        char::from(letter)
    });
    letters.collect()
}

/// `managedFields` of a container: half of a real pod.
fn managed(container: &str) -> String {
    let fields = "\"f:image\":{},\"f:imagePullPolicy\":{},\"f:livenessProbe\":{\".\":{},\"f:failureThreshold\":{},\"f:httpGet\":{\".\":{},\"f:path\":{},\"f:port\":{},\"f:scheme\":{}},\"f:initialDelaySeconds\":{},\"f:periodSeconds\":{},\"f:successThreshold\":{},\"f:timeoutSeconds\":{}},\"f:name\":{},\"f:ports\":{\".\":{},\"k:{\\\"containerPort\\\":8080,\\\"protocol\\\":\\\"TCP\\\"}\":{\".\":{},\"f:containerPort\":{},\"f:name\":{},\"f:protocol\":{}}},\"f:readinessProbe\":{\".\":{},\"f:failureThreshold\":{},\"f:httpGet\":{\".\":{},\"f:path\":{},\"f:port\":{},\"f:scheme\":{}},\"f:periodSeconds\":{},\"f:successThreshold\":{},\"f:timeoutSeconds\":{}},\"f:resources\":{\".\":{},\"f:limits\":{\".\":{},\"f:memory\":{}},\"f:requests\":{\".\":{},\"f:cpu\":{},\"f:memory\":{}}},\"f:terminationMessagePath\":{},\"f:terminationMessagePolicy\":{},\"f:volumeMounts\":{\".\":{},\"k:{\\\"mountPath\\\":\\\"/etc/config\\\"}\":{\".\":{},\"f:mountPath\":{},\"f:name\":{}}}";
    format!("\"k:{{\\\"name\\\":\\\"{container}\\\"}}\":{{\".\":{{}},{fields}}}")
}

fn container(name: &str, image: &str, port: u16) -> String {
    let probe = format!(
        "{{\"httpGet\":{{\"path\":\"/healthz\",\"port\":{port},\"scheme\":\"HTTP\"}},\"initialDelaySeconds\":5,\"timeoutSeconds\":1,\"periodSeconds\":10,\"successThreshold\":1,\"failureThreshold\":3}}"
    );
    format!(
        "{{\"name\":\"{name}\",\"image\":\"{image}\",\"ports\":[{{\"name\":\"http\",\"containerPort\":{port},\"protocol\":\"TCP\"}}],\
        \"env\":[{{\"name\":\"POD_NAME\",\"valueFrom\":{{\"fieldRef\":{{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"}}}}}},{{\"name\":\"LOG_LEVEL\",\"value\":\"info\"}}],\
        \"resources\":{{\"limits\":{{\"memory\":\"256Mi\"}},\"requests\":{{\"cpu\":\"100m\",\"memory\":\"128Mi\"}}}},\
        \"volumeMounts\":[{{\"name\":\"config\",\"mountPath\":\"/etc/config\"}},{{\"name\":\"kube-api-access\",\"readOnly\":true,\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}}],\
        \"livenessProbe\":{probe},\"readinessProbe\":{probe},\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\",\"imagePullPolicy\":\"IfNotPresent\"}}"
    )
}

fn status(name: &str, image: &str, id: &str) -> String {
    format!(
        "{{\"name\":\"{name}\",\"state\":{{\"running\":{{\"startedAt\":\"2026-01-01T00:00:05Z\"}}}},\"lastState\":{{}},\"ready\":true,\"restartCount\":0,\"image\":\"{image}\",\
        \"imageID\":\"registry.example/shop/{name}@sha256:{id}\",\"containerID\":\"containerd://{id}\",\"started\":true}}"
    )
}

/// A running pod.
#[must_use]
pub fn pod(number: u32) -> String {
    let set = number / REPLICAS;
    let app = format!("service-{set:04}");
    let hash = format!("{:010x}", 0x6d_4b9c_0000_u64 + u64::from(set));
    let name = format!("{app}-{hash}-{}", suffix(number));
    let [a, b, c, d] = address(number);
    let image = format!("registry.example/shop/{app}:1.{}.0", set % 7);
    let proxy = "registry.example/mesh/proxy:2.14.1";
    let ids = [1, 2].map(|sort| {
        let id = uid(sort, number).replace('-', "");
        format!("{id}{id}")
    });
    let condition = |kind: &str| {
        format!(
            "{{\"type\":\"{kind}\",\"status\":\"True\",\"lastProbeTime\":null,\"lastTransitionTime\":\"2026-01-01T00:00:04Z\"}}"
        )
    };
    let conditions = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ]
    .map(condition)
    .join(",");
    format!(
        "{{\"metadata\":{{\"name\":\"{name}\",\"generateName\":\"{app}-{hash}-\",\"namespace\":\"team-{team:02}\",\"uid\":\"{uid}\",\"resourceVersion\":\"{version}\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\
        \"labels\":{{\"app.kubernetes.io/name\":\"{app}\",\"app.kubernetes.io/part-of\":\"shop\",\"pod-template-hash\":\"{hash}\"}},\
        \"annotations\":{{\"prometheus.io/scrape\":\"true\",\"prometheus.io/port\":\"8080\",\"checksum/config\":\"{checksum}\"}},\
        \"ownerReferences\":[{{\"apiVersion\":\"apps/v1\",\"kind\":\"ReplicaSet\",\"name\":\"{app}-{hash}\",\"uid\":\"{owner}\",\"controller\":true,\"blockOwnerDeletion\":true}}],\
        \"managedFields\":[{{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\",\"apiVersion\":\"v1\",\"time\":\"2026-01-01T00:00:00Z\",\"fieldsType\":\"FieldsV1\",\"fieldsV1\":{{\"f:metadata\":{{\"f:generateName\":{{}},\"f:labels\":{{\".\":{{}},\"f:app.kubernetes.io/name\":{{}}}},\"f:ownerReferences\":{{}}}},\"f:spec\":{{\"f:containers\":{{{managed_app},{managed_proxy}}},\"f:dnsPolicy\":{{}},\"f:restartPolicy\":{{}}}}}}}}]}},\
        \"spec\":{{\"volumes\":[{{\"name\":\"config\",\"configMap\":{{\"name\":\"{app}\",\"defaultMode\":420}}}},{{\"name\":\"kube-api-access\",\"projected\":{{\"sources\":[{{\"serviceAccountToken\":{{\"expirationSeconds\":3607,\"path\":\"token\"}}}},{{\"configMap\":{{\"name\":\"kube-root-ca.crt\",\"items\":[{{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}}]}}}}],\"defaultMode\":420}}}}],\
        \"containers\":[{app_container},{proxy_container}],\"restartPolicy\":\"Always\",\"terminationGracePeriodSeconds\":30,\"dnsPolicy\":\"ClusterFirst\",\"serviceAccountName\":\"{app}\",\"serviceAccount\":\"{app}\",\"nodeName\":\"{node}\",\"securityContext\":{{}},\"schedulerName\":\"default-scheduler\",\
        \"tolerations\":[{{\"key\":\"node.kubernetes.io/not-ready\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}},{{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":300}}],\"priority\":0,\"enableServiceLinks\":true,\"preemptionPolicy\":\"PreemptLowerPriority\"}},\
        \"status\":{{\"phase\":\"Running\",\"conditions\":[{conditions}],\"hostIP\":\"{host}\",\"podIP\":\"{a}.{b}.{c}.{d}\",\"podIPs\":[{{\"ip\":\"{a}.{b}.{c}.{d}\"}}],\"startTime\":\"2026-01-01T00:00:01Z\",\"containerStatuses\":[{app_status},{proxy_status}],\"qosClass\":\"Burstable\"}}}}",
        team = set % 50,
        uid = uid(0, number),
        version = 1_000 + number,
        checksum = &ids[0],
        owner = uid(3, set),
        managed_app = managed("app"),
        managed_proxy = managed("proxy"),
        app_container = container("app", &image, 8080),
        proxy_container = container("proxy", proxy, 15090),
        node = node_name(number / ON_A_NODE),
        host = host(number / ON_A_NODE),
        app_status = status("app", &image, &ids[0]),
        proxy_status = status("proxy", proxy, &ids[1]),
    )
}

fn node_name(node: u32) -> String {
    format!("worker-{node:03}.cluster.example")
}

fn host(node: u32) -> String {
    format!("192.0.{}.{}", 2 + node / 250, 1 + node % 250)
}

/// A node.
#[must_use]
pub fn node(node: u32) -> String {
    format!(
        "{{\"metadata\":{{\"name\":\"{}\",\"uid\":\"{}\"}},\"status\":{{\"addresses\":[{{\"type\":\"InternalIP\",\"address\":\"{}\"}}]}}}}",
        node_name(node),
        uid(4, node),
        host(node)
    )
}

/// The service of a replica set's pods, and its endpoint slice.
#[must_use]
pub fn service(set: u32) -> [String; 2] {
    let (name, namespace) = (format!("service-{set:04}"), format!("team-{:02}", set % 50));
    let [_, _, c, d] = set.to_be_bytes();
    let service = format!(
        "{{\"metadata\":{{\"name\":\"{name}\",\"namespace\":\"{namespace}\",\"uid\":\"{}\"}},\"spec\":{{\"type\":\"ClusterIP\",\"clusterIP\":\"10.96.{c}.{d}\",\"ports\":[{{\"port\":80,\"protocol\":\"TCP\"}}]}}}}",
        uid(5, set)
    );
    let endpoints = (set * REPLICAS..(set + 1) * REPLICAS).map(|pod| {
        let [a, b, c, d] = address(pod);
        format!("{{\"addresses\":[\"{a}.{b}.{c}.{d}\"]}}")
    });
    let endpoints: Vec<_> = endpoints.collect();
    let slice = format!(
        "{{\"metadata\":{{\"name\":\"{name}-x\",\"namespace\":\"{namespace}\",\"uid\":\"{}\",\"labels\":{{\"kubernetes.io/service-name\":\"{name}\"}}}},\"endpoints\":[{}],\"ports\":[{{\"port\":8080,\"protocol\":\"TCP\"}}]}}",
        uid(6, set),
        endpoints.join(",")
    );
    [service, slice]
}

/// A replica set, of a deployment.
#[must_use]
pub fn replica_set(set: u32) -> String {
    format!(
        "{{\"metadata\":{{\"name\":\"service-{set:04}\",\"namespace\":\"team-{:02}\",\"uid\":\"{}\",\"ownerReferences\":[{{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"name\":\"service-{set:04}\",\"uid\":\"{}\",\"controller\":true}}]}}}}",
        set % 50,
        uid(3, set),
        uid(7, set)
    )
}

/// A namespace.
#[must_use]
pub fn namespace(number: u32) -> String {
    format!(
        "{{\"metadata\":{{\"name\":\"team-{number:02}\",\"uid\":\"{}\"}}}}",
        uid(8, number)
    )
}
