//! The page of live flows in a browser.

use std::{
    env, fs,
    io::Write as _,
    net::{SocketAddr, TcpStream, UdpSocket},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use mermin_testing::{Folder, apart::command, free_port, kubeconfig, until};
use serde_json::{Value as Json, json};

use crate::{
    api_server::ApiServer,
    browser::Browser,
    network::make,
    support::{Agent, metric},
};

/// The variable that names the browser: Chromium, or another one with its options.
pub(crate) const BROWSER: &str = "MERMIN_BROWSER";
/// The picture of the documentation, from the root of the repository.
const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pictures/page.webp");

/// Where records go.
const COLLECTOR: &str = "127.0.0.1:4739";

/// Pods by workload, with the last octets of their addresses: below 30 on this node, whose side sends.
const WORKLOADS: [(&str, &str, &[u8]); 8] = [
    ("shop", "web", &[11, 12]),
    ("shop", "cart", &[13]),
    ("shop", "checkout", &[14]),
    ("monitoring", "collector", &[15]),
    ("data", "postgres", &[31, 32]),
    ("data", "redis", &[33]),
    ("shop", "payment", &[34]),
    ("kube-system", "coredns", &[35]),
];

/// Flows: source, destination, port, packets of a flow, octets of a packet.
const TALK: [(u8, u8, u16, u32, usize); 9] = [
    (11, 31, 5432, 40, 900),
    (12, 31, 5432, 30, 900),
    (13, 33, 6379, 60, 300),
    (14, 34, 8443, 20, 1200),
    (14, 32, 5432, 10, 500),
    (11, 35, 53, 4, 60),
    (13, 35, 53, 3, 60),
    (15, 33, 9121, 5, 100),
    (15, 31, 9187, 6, 100),
];

/// Sends every flow of [`TALK`] once.
fn talk() {
    for (source, destination, port, packets, size) in TALK {
        let from = (SocketAddr::from(([10, 9, 0, source], 40_000 + port % 1_000))).to_string();
        let socket = UdpSocket::bind(from).unwrap();
        for _ in 0..packets {
            socket
                .send_to(
                    &vec![0; size],
                    ([10, 9, 0, destination].into(), port) as (std::net::Ipv4Addr, u16),
                )
                .unwrap();
        }
    }
}

fn reference(kind: &str, name: &str) -> Json {
    json!([{"kind": kind, "apiVersion": "apps/v1", "name": name, "uid": format!("uid-{kind}-{name}"), "controller": true}])
}

fn meta(namespace: &str, name: &str, kind: &str) -> Json {
    json!({"metadata": {"name": name, "namespace": namespace, "uid": format!("uid-{kind}-{name}"), "creationTimestamp": "2026-01-01T00:00:00Z"}})
}

fn pod(namespace: &str, name: &str, address: u8) -> Json {
    let address = format!("10.9.0.{address}");
    let mut pod = meta(namespace, name, "Pod");
    pod["spec"] = json!({"nodeName": "n1", "containers": [{"name": "main", "image": "example:1"}]});
    pod["status"] = json!({"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": "2026-01-01T00:00:00Z"});
    pod
}

/// Fills the cluster, and gives this node's pods their addresses.
fn populate(server: &ApiServer) {
    for (namespace, name, addresses) in WORKLOADS {
        server.put("deployments", meta(namespace, name, "Deployment"));
        let set = format!("{name}-6f7b");
        let mut replicas = meta(namespace, &set, "ReplicaSet");
        replicas["metadata"]["ownerReferences"] = reference("Deployment", name);
        server.put("replicasets", replicas);
        for (number, address) in addresses.iter().enumerate() {
            let mut pod = pod(namespace, &format!("{name}-{number}"), *address);
            pod["metadata"]["ownerReferences"] = reference("ReplicaSet", &set);
            server.put("pods", pod);
            if *address < 30 {
                command(&format!("ip address add 10.9.0.{address}/24 dev near0"));
            } else {
                command(&format!(
                    "ip neighbour add 10.9.0.{address} lladdr 02:00:00:00:00:02 nud permanent dev near0"
                ));
            }
        }
    }
}

/// Writes a file for an agent that shows the page.
fn configure(file: &Path, access: &Path, page: u16, metrics: u16) {
    let text = format!(
        "discovery \"instrument\" {{\n  interfaces = [\"near0\", \"eth9*\"]\n}}\n\
         pipeline {{\n  flow_capture {{\n    tcp_analysis = true\n  }}\n}}\n\
         discovery \"informer\" \"k8s\" {{\n  kubeconfig_path = \"{}\"\n}}\n\
         export \"flows\" {{\n  to = [\"ipfix://{COLLECTOR}\"]\n}}\n\
         internal \"page\" {{\n  enabled = true\n  port = {page}\n}}\n\
         internal \"server\" {{\n  enabled = false\n}}\ninternal \"metrics\" {{\n  port = {metrics}\n}}\n",
        access.display()
    );
    fs::write(file, text).unwrap();
}

/// An expression: the cells of the row of this source, destination and port, without those of texts.
fn cells(from: &str, to: &str, service: &str) -> String {
    format!(
        "(rows => rows.length == 1 ? rows[0].slice(3) : null)([...document.querySelectorAll('#pairs tbody tr')]\
         .map(row => [...row.cells].map(cell => cell.textContent))\
         .filter(cells => cells[0] == {from:?} && cells[1] == {to:?} && cells[2] == {service:?}))"
    )
}

fn number_of_browsers(metrics: u16) -> usize {
    metric(metrics, "mermin_agent_page_browsers")
}

fn size(height: &Json) -> Json {
    json!({"width": 1200, "height": height, "deviceScaleFactor": 1, "mobile": false})
}

/// Opens the page while flows with names cross an interface, orders, filters and pauses it, and draws the picture of the
/// documentation.
pub(crate) fn is_driven() {
    make();
    let folder = Folder::new("agent-page");
    let (file, access) = (folder.file("a.hcl"), folder.file("kubeconfig"));
    let (port, metrics) = (free_port(), free_port());
    let server = ApiServer::start();
    populate(&server);
    fs::write(
        &access,
        kubeconfig(server.url(), None, &json!({"token": "any"})),
    )
    .unwrap();
    configure(&file, &access, port, metrics);
    let _collector = UdpSocket::bind(COLLECTOR).unwrap();
    let mut agent = Agent::start(&file);
    until("the pods", || {
        metric(metrics, "mermin_kubernetes_objects{kind=\"Pod\"}") == 10
    });
    talk();
    // Its address is asked for by ARP, which is in no record.
    let stranger = UdpSocket::bind("10.9.0.1:0").unwrap();
    stranger.send_to(b"datagram", "10.9.0.99:9").unwrap();
    // Nobody answers, so the kernel sends the SYN again.
    let unanswered = thread::spawn(|| {
        let to = SocketAddr::from(([10, 9, 0, 34], 8443));
        TcpStream::connect_timeout(&to, Duration::from_millis(3_500)).unwrap_err()
    });

    let mut browser = Browser::start(&env::var(BROWSER).unwrap());
    browser.call("Emulation.setDeviceMetricsOverride", &size(&1_000.into()));
    browser.call(
        "Page.navigate",
        &json!({"url": format!("http://localhost:{port}/")}),
    );
    browser.wait("document.getElementById('status')?.textContent == 'live'");
    shows_exact_sums(&mut browser);
    unanswered.join().unwrap();
    draws_the_map(&mut browser);
    draw(&mut browser);
    shows_frames_that_are_rare(&mut browser);
    orders_and_filters(&mut browser);
    assert_eq!(number_of_browsers(metrics), 1);
    pauses(&mut browser, metrics);
    shows_hostile_names_as_text(&mut browser, &server);

    for method in ["Runtime.exceptionThrown", "Log.entryAdded"] {
        assert!(
            browser.events(method).is_empty(),
            "{:?}",
            browser.events(method)
        );
    }
    let own = format!("http://localhost:{port}/");
    let requests = browser.events("Network.requestWillBeSent");
    assert!(requests.len() >= 4, "{requests:?}");
    for request in requests {
        let url = request["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(&own) || url.starts_with("data:"), "{url}");
    }
    drop(browser);
    until("nobody looks", || number_of_browsers(metrics) == 0);
    assert_eq!(agent.stop(), Some(0), "{}", agent.said());
}

fn shows_exact_sums(browser: &mut Browser) {
    for (from, to, service, packets) in [
        ("shop/web-0", "data/postgres-0", "udp 5432", 40),
        ("shop/cart-0", "data/redis-0", "udp 6379", 60),
        ("monitoring/collector-0", "data/postgres-0", "udp 9187", 6),
    ] {
        let cells = cells(from, to, service);
        browser.wait(&format!(
            "({cells})?.[3] == '{packets}' && ({cells})[4] == '1'"
        ));
    }
    let tcp = cells("10.9.0.1", "shop/payment-0", "tcp 8443");
    browser.wait(&format!("Number(({tcp})?.[5]) >= 1"));
    let all: u32 = TALK.iter().map(|it| it.3).sum();
    browser.wait(&format!("state.frame.total.packets >= {all}"));
    // The ledger closes, and what is missing is said.
    browser.wait("state.frame.ledger.reasons.some(it => it.name == 'arp' && it.packets > 0)");
    browser.wait(
        "state.frame.ledger.packets == state.frame.ledger.in_flows + state.frame.ledger.reasons.reduce((sum, it) => sum + it.packets, 0)",
    );
    browser.wait(
        "document.querySelector('#reasons tbody').textContent.includes('address resolution')",
    );
    browser.wait("document.getElementById('degradations').textContent.includes('eth9')");
}

fn draws_the_map(browser: &mut Browser) {
    let texts = "[...document.querySelectorAll('#picture text:not(.namespace)')].map(it => it.firstChild.textContent)";
    for (_, name, _) in WORKLOADS {
        browser.wait(&format!("({texts}).includes({name:?})"));
    }
    browser.wait("document.querySelectorAll('#picture path').length >= 7");
    browser.wait("[...document.querySelectorAll('#edges tbody tr')].some(row => row.cells[0].textContent == 'shop/web' && row.cells[1].textContent == 'data/postgres')");
}

/// Shows frames that this host does not have: of sampled flows, of more pairs than one order lists, of both directions. The page's own
/// frames come between expressions, so each is one.
fn shows_frames_that_are_rare(browser: &mut Browser) {
    let mut changed = |change: &str, result: &str| {
        browser.value(&format!(
            "(frame => {{ const {{ talkers }} = frame; const [pair] = talkers.listed; {change}; \
             showHead(frame); showTalkers(frame); showMap(frame); return {result}; }})(structuredClone(state.frame))"
        ))
    };
    let sampled = "frame.sampling = 8; frame.total.is_estimate = true; talkers.listed.forEach(it => it.is_estimate = true)";
    let about = changed(sampled, "byId('about').textContent");
    let about = about.as_str().unwrap();
    assert!(
        about.ends_with("one of 8 flows that begin now is kept; sums with ~ are estimates"),
        "{about}"
    );
    let numbers =
        "[...document.querySelectorAll('#pairs tbody .number')].map(it => it.textContent)";
    let is_marked = |text: &Json| matches!(text.as_str().unwrap().chars().next(), Some('~' | '–'));
    let numbers = [changed(sampled, numbers), changed("", numbers)];
    let [estimates, exact] = numbers.each_ref().map(|it| it.as_array().unwrap());
    assert!(estimates.iter().all(is_marked), "{estimates:?}");
    assert!(exact.iter().any(|it| !is_marked(it)), "{exact:?}");
    let many = "talkers.listed = Array.from({ length: 70 }, (_, port) => ({ ...pair, port }))";
    let rows = "document.querySelectorAll('#pairs tbody tr').length";
    assert_eq!(changed(many, rows), 70);
    let both = "const [edge] = frame.map.edges; frame.map.edges = [edge, { ...edge, from: edge.to, to: edge.from }]";
    let bends = "[...document.querySelectorAll('#picture path')].map(it => it.getAttribute('d').split('Q')[1].split(' ').slice(0, 2))";
    let bends = changed(both, bends);
    assert_eq!(bends.as_array().unwrap().len(), 2);
    assert_ne!(bends[0], bends[1]);
}

/// Writes the picture when asked to, and sees that the page follows the browser's preference of colours.
fn draw(browser: &mut Browser) {
    let ground = "getComputedStyle(document.body).backgroundColor";
    let light = browser.value(ground);
    let scheme = |value| json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
    browser.call("Emulation.setEmulatedMedia", &scheme("dark"));
    assert_ne!(browser.value(ground), light);
    browser.call("Emulation.setEmulatedMedia", &scheme("light"));
    if env::var_os("MERMIN_WRITE_DOCS").is_none() {
        return;
    }
    // The frame of a moment at which all pods talk.
    let is_busy = "state.frame.talkers.listed.filter(it => it.octet_rate > 0).length > 8";
    while browser.value(is_busy) != true {
        talk();
        thread::sleep(Duration::from_millis(50));
    }
    browser.call("Emulation.setScrollbarsHidden", &json!({"hidden": true}));
    let height = browser.value("document.documentElement.scrollHeight");
    browser.call("Emulation.setDeviceMetricsOverride", &size(&height));
    let parameters = json!({"format": "webp", "quality": 55});
    let picture = browser.call("Page.captureScreenshot", &parameters);
    let mut decode = Command::new("base64")
        .arg("--decode")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(PICTURE).unwrap())
        .spawn()
        .unwrap();
    let text = picture["data"].as_str().unwrap();
    decode
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    assert!(decode.wait().unwrap().success());
}

fn orders_and_filters(browser: &mut Browser) {
    let first =
        "[...document.querySelectorAll('#pairs tbody tr')].map(row => row.cells[0].textContent)";
    let order = "document.querySelectorAll('#pairs th')[0].getAttribute('aria-sort')";
    for wanted in ["ascending", "descending"] {
        browser.value("document.querySelectorAll('#pairs th button')[0].click()");
        assert_eq!(browser.value(order), wanted);
        let names = browser.value(first);
        let names: Vec<_> = names
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap())
            .collect();
        let sorted = if wanted == "ascending" {
            names.is_sorted()
        } else {
            names.iter().rev().is_sorted()
        };
        assert!(sorted && names.len() > 5, "{wanted}: {names:?}");
    }
    // By keys alone: `/` leads to the filter.
    for (key, text) in [
        ("/", ""),
        ("r", "r"),
        ("e", "e"),
        ("d", "d"),
        ("i", "i"),
        ("s", "s"),
    ] {
        let down = json!({"type": "keyDown", "key": key, "text": text});
        browser.call("Input.dispatchKeyEvent", &down);
    }
    assert_eq!(
        browser.value("document.getElementById('filter').value"),
        "redis"
    );
    let all = "[...document.querySelectorAll('#pairs tbody tr')].map(row => row.textContent)";
    let found = browser.value(all);
    let found = found.as_array().unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|it| it.as_str().unwrap().contains("data/redis-0")),
        "{found:?}"
    );
    browser.value("(it => { it.value = ''; it.dispatchEvent(new Event('input')); it.blur(); })(document.getElementById('filter'))");
}

fn pauses(browser: &mut Browser, metrics: u16) {
    browser.value("document.getElementById('pause').click()");
    let status = "document.getElementById('status').textContent";
    assert_eq!(browser.value(status), "paused");
    until("nobody looks", || number_of_browsers(metrics) == 0);
    let before = browser.value("state.frame.now");
    thread::sleep(Duration::from_millis(2_200));
    assert_eq!(browser.value("state.frame.now"), before);
    browser.value("document.getElementById('pause').click()");
    browser.wait(&format!("{status} == 'live' && state.frame.now > {before}"));
}

/// An object of the cluster may have any name, as far as its API server is concerned.
fn shows_hostile_names_as_text(browser: &mut Browser, server: &ApiServer) {
    let name = "<img src=x onerror=document.title='taken'>";
    server.put("pods", pod("shop", name, 16));
    command("ip address add 10.9.0.16/24 dev near0");
    let shown = format!(
        "[...document.querySelectorAll('#pairs td')].some(it => it.textContent == {:?})",
        format!("shop/{name}")
    );
    let socket = UdpSocket::bind("10.9.0.16:40000").unwrap();
    for _ in 0..100 {
        socket.send_to(b"datagram", "10.9.0.31:5432").unwrap();
        if browser.value(&shown) == true {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    browser.wait(&shown);
    assert_eq!(
        browser.value("document.querySelectorAll('main img').length"),
        0
    );
    assert_eq!(browser.value("document.title"), "Mermin: live flows");
}
