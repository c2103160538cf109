//! Messages about files that are wrong, word for word. After a change that is meant: `INSTA_UPDATE=always`, and look
//! at what changed.

use std::fs;

use mermin_config::{Config, Error, Loaded};

fn load(text: &str) -> Result<Loaded, Error> {
    let environment = |name: &str| (name == "SET").then(|| "five".to_owned());
    Config::load("mermin.hcl", text.as_bytes(), &environment)
}

fn refused(text: &str) -> String {
    match load(text) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted: {text}"),
    }
}

fn warned(text: &str) -> String {
    let loaded = load(text).unwrap_or_else(|error| panic!("{error}"));
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    warnings.join("\n\n")
}

macro_rules! messages {
    ($($name:ident: $text:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(refused($text));
        }
    )*};
}

messages! {
    missing_closing_brace: "span {\n  tcp_timeout = \"5s\"\n\nparser {\n  vxlan_port = 4789\n}\n";
    missing_inner_closing_brace: "pipeline {\n  flow_capture {\n    flow_stats_capacity = 5\n}\n";
    missing_closing_bracket: "discovery \"instrument\" {\n  interfaces = [\"eth0\"\n}\n";
    errors_around_a_missing_closing_bracket: "log_level = \"wran\"\nlog_color = env(\"A\"\nspan {\n  tcp_timeout = \"x\"\n}\n";
    surplus_closing_brace: "span {\n}\n}\n";
    unmatched_quote: "log_level = \"info\nlog_color = true\n";
    unmatched_quote_in_a_list: "discovery \"instrument\" {\n  interfaces = [\"veth*, \"eth0\"]\n}\n";
    unmatched_quote_of_a_label: "discovery \"instrument {\n}\n";
    errors_behind_an_unmatched_quote_of_a_label: "discovery \"instrument {\n  interfaces = [\"eth0\"]\n}\nspan {\n  tcp_timeout = \"x\"\n}\n";
    unended_comment: "log_color = true\n/* what follows\n";
    errors_before_an_unended_text: "log_level = \"wran\"\nspan {\n  tcp_timeout = <<END\n  5s\n}\n";
    unended_template: "log_level = \"${env(\"SET\")\"\n";
    missing_value: "log_level =\n";
    missing_equals_sign: "span {\n  tcp_timeout \"5s\"\n}\n";
    colon_for_equals_sign: "log_level: \"info\"\nspan {\n}\n";
    yaml: "span:\n  tcp_timeout: 30s\n  udp_timeout: 60s\nfilter:\n  source:\n    address:\n      match: [10.0.0.0/8]\n";
    bad_globs: "filter \"network\" {\n  transport = { match = [\"x*\", \"{tcp\"] }\n  interface_mac = { match = [\"02:*\"] }\n}\nfilter \"flow\" {\n  icmp_code_name = { match = [\"port_unreachabel\", \"256\"] }\n}\n";
    bad_word_in_place_of_a_block: "export \"traces\" {\n  stdout = \"yaml\"\n}\n";
    name_of_a_variable: "export \"traces\" {\n  otlp = {\n    auth = { bearer = \"${OTLP_TOKEN}\" }\n  }\n}\n";
    null_within_a_text: "export \"traces\" {\n  otlp = {\n    endpoint = \"http://${env(\"NOBODY\", null)}:4317\"\n    auth = { bearer = \"%{ if true }${[1]}%{ endif }\" }\n  }\n}\nlog_level = \"${null}\"\n";
    single_quotes: "log_level = 'info'\n";
    duration_without_quotes: "shutdown_timeout = 5s\n";
    number_too_large: "parser {\n  vxlan_port = 1e400\n}\n";
    comma_between_keys: "span { tcp_timeout = \"5s\", udp_timeout = \"5s\" }\n";
    hyphen_for_underscore: "discovery \"instrument\" {\n  tc-priority = 5\n}\n";
    unknown_key: "discovery \"instrument\" {\n  tcp_priority = 5\n}\n";
    unknown_key_that_is_near_to_nothing: "parser {\n  colour = 5\n}\n";
    key_that_belongs_elsewhere: "tcp_timeout = \"5s\"\n";
    unknown_block: "spam {\n}\n";
    unknown_inner_block: "pipeline {\n  flow_captures {\n  }\n}\n";
    wrong_label: "discovery \"instruments\" {\n}\n";
    missing_label: "discovery {\n  interfaces = [\"eth0\"]\n}\n";
    surplus_label: "span \"x\" {\n}\n";
    wrong_types: "log_level = 3\nlog_color = \"yes\"\nshutdown_timeout = 5\nspan = 1\nparser {\n  vxlan_port = \"4789\"\n}\ndiscovery \"instrument\" {\n  interfaces = \"eth0\"\n  exclude = [1.5, true]\n}\n";
    unknown_word: "log_level = \"wran\"\n";
    out_of_range: "discovery \"instrument\" {\n  tc_priority = 32768\n}\nparser {\n  vxlan_port = 0\n}\npipeline {\n  flow_capture {\n    flow_stats_capacity = -1\n  }\n}\nspan {\n  community_id_seed = 1.5\n}\n";
    quotes_around_numbers: "log_color = \"true\"\nparser {\n  vxlan_port = \"http\"\n}\n";
    bad_duration: "span {\n  tcp_timeout = \"soon\"\n  udp_timeout = \"0s\"\n  icmp_timeout = \"2y\"\n}\n";
    bad_glob: "discovery \"instrument\" {\n  interfaces = [\"eth[0\", \"eth0\", \"eth/0\"]\n}\n";
    bad_regular_expression: "attributes \"source\" \"k8s\" {\n  extract {\n    label {\n      key_regex = \"a(\"\n    }\n  }\n}\n";
    bad_interface_expression: "discovery \"instrument\" {\n  interfaces = [\"/eth(/\"]\n}\n";
    bad_addresses: "filter \"source\" {\n  address = { match = [\"10.0.0.0/40\", \"localhost\", \"10.0.0.1/8x\"] }\n}\n";
    bad_ports: "filter \"destination\" {\n  port = { match = [443, 70000], not_match = [\"9-8\", \"http\"] }\n}\n";
    bad_names: "filter \"network\" {\n  transport = { match = [\"tpc\"] }\n  interface_mac = { match = [\"00:11\"] }\n}\nfilter \"flow\" {\n  connection_state = { match = [\"open\"] }\n  tcp_flags_tags = { match = [\"SYNC\"] }\n}\n";
    bad_address_and_url: "internal \"metrics\" {\n  listen_address = \"localhost\"\n}\nexport \"traces\" {\n  otlp = {\n    endpoint = \"collector:4317\"\n  }\n}\n";
    bad_paths: "discovery \"instrument\" {\n  netns = \"blue\"\n  pin_path = \"bpf\"\n  instance = \"a.b\"\n}\n";
    bad_buckets: "internal \"metrics\" {\n  histogram_buckets {\n    a = [1, 1]\n    b = [\"x\"]\n  }\n}\n";
    duplicate_block: "span {\n}\n\nspan {\n}\n";
    duplicate_labelled_block: "filter \"source\" {\n}\nfilter \"flow\" {\n}\nfilter \"source\" {\n}\n";
    value_beside_blocks: "filter = 5\nfilter \"source\" {\n}\nexport = \"stdout\"\nexport \"flows\" {\n}\n";
    duplicate_key: "log_level = \"info\"\nlog_level = \"warn\"\n";
    unset_variable: "log_level = env(\"LEVEL\")\n";
    set_variable_that_is_no_level: "log_level = env(\"SET\")\n";
    env_without_name: "log_level = env()\nlog_color = env(1)\n";
    unknown_function: "log_level = file(\"x\")\nlog_color = [for x in [1]: x]\nshutdown_timeout = 1 + 1\nauto_reload = 2 > 1\n";
    text_without_quotes: "log_level = info\n";
    client_certificate_without_key: "export \"traces\" {\n  otlp = {\n    endpoint = \"https://c:4317\"\n    tls = { client_cert = \"/c.pem\" }\n  }\n}\n";
    auth_and_header: "export \"traces\" {\n  otlp = {\n    auth = { bearer = \"x\" }\n    headers = { authorization = \"y\" }\n  }\n}\n";
    headers_that_cannot_be_sent: "export \"traces\" {\n  otlp = {\n    headers = { \"a b\" = \"x\", c = \"hunter2\\n\" }\n    auth = { basic = { user = \"a:b\", pass = \"\" } }\n  }\n}\n";
    bearer_that_cannot_be_sent: "export \"traces\" {\n  otlp = {\n    auth = { bearer = \"x\\n\" }\n  }\n}\n";
    two_ways_to_authenticate: "export \"traces\" {\n  otlp = {\n    auth = { bearer = \"x\", basic = { user = \"u\" } }\n  }\n}\n";
    tls_without_encryption: "export \"traces\" {\n  otlp = {\n    tls = { insecure_skip_verify = true }\n  }\n}\n";
    port_that_cannot_be: "export \"traces\" {\n  otlp = {\n    endpoint = \"https://c:65536\"\n    tls = { insecure_skip_verify = true }\n  }\n}\n";
    one_port_for_two_tunnels: "parser {\n  vxlan_port = 6081\n}\n";
    selector_without_kind: "discovery \"informer\" \"k8s\" {\n  selectors = [{ namespaces = [\"a\"] }, { kind = \"Pot\" }]\n}\n";
    ten_thousand_levels_of_lists: &format!("a = {}{}\n", "[".repeat(10_000), "]".repeat(10_000));
    ten_thousand_labels: &format!("span {}{{\n}}\n", "\"x\" ".repeat(10_000));
    more_than_is_read: &"= 1\n".repeat(100);
    terminal_commands: "log_level = \"\u{1b}[2J\"\n";
}

#[test]
fn every_error_of_a_file_is_reported() {
    insta::assert_snapshot!(refused(
        "span {\n  tcp-timeout = \"5s\"\n  udp_timeout = \"x\"\n}\nlog_level = \"inf\nparser {\n  vxlan_port = 70000\n}\nfoo\nexport \"trace\" {\n}\n"
    ));
}

#[test]
fn ten_thousand_levels_of_blocks_are_an_error() {
    insta::assert_snapshot!(refused(&"a {\n".repeat(10_000)));
}

#[test]
fn file_of_ten_megabytes_is_refused() {
    insta::assert_snapshot!(refused(&"# ten octets\n".repeat(1_000_000)));
}

#[test]
fn file_that_is_not_utf8() {
    let octets = b"log_level = \"info\"\nlog_color = \xff\n";
    insta::assert_snapshot!(Config::load("mermin.hcl", octets, &|_| None).unwrap_err());
}

#[test]
fn error_list_is_limited() {
    let error = load(&"x { }\n".repeat(3_000)).unwrap_err();
    let last = error.diagnostics().last().unwrap();
    assert_eq!(error.diagnostics().len(), 101);
    insta::assert_snapshot!(last);
}

#[test]
fn unreadable_files_are_errors() {
    let directory = std::env::temp_dir().join(format!("mermin-config-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let said = |path: &std::path::Path| {
        let error = Config::from_path(path).unwrap_err();
        assert!(std::error::Error::source(&error).is_some());
        error
            .to_string()
            .replace(directory.to_str().unwrap(), "/etc/mermin")
    };
    insta::assert_snapshot!("directory", said(&directory));
    insta::assert_snapshot!("no_such_file", said(&directory.join("mermin.hcl")));
    fs::remove_dir(&directory).unwrap();
}

#[test]
fn keys_without_effect_are_warned_about() {
    insta::assert_snapshot!(warned(
        "packet_worker_count = 2\n\npipeline {\n  flow_producer {\n    workers = 8\n  }\n  k8s_decorator {\n    threads = 4\n  }\n}\n\napi {\n  enabled = true\n}\n"
    ));
}

#[test]
fn keys_overridden_by_another_are_warned_about() {
    insta::assert_snapshot!(warned(
        "discovery \"instrument\" {\n  attach = \"tcx\"\n  tc_priority = 7\n  tcx_order = \"last\"\n  pin_path = \"/run/bpf\"\n}\n"
    ));
    insta::assert_snapshot!(warned(
        "discovery \"instrument\" {\n  attach = \"tc\"\n  tc_priority = 7\n  tcx_order = \"last\"\n  instance = \"a\"\n  pin_path = \"/run/bpf\"\n}\n"
    ));
}

#[test]
fn kubelets_port_is_an_error_with_its_place() {
    insta::assert_snapshot!(warned("internal \"metrics\" {\n  port = 10250\n}\n"));
}

/// Every message of these files has its position for logs, and none has text of the file in which a secret is.
#[test]
fn logs_get_no_secret_of_a_faulty_line() {
    let otlp = |text: &str| format!("export \"traces\" {{\n  otlp = {{\n{text}\n  }}\n}}\n");
    for text in [
        otlp("auth = { bearer = \"t0ken\", bassic = 1 }"),
        otlp("auth = { bearer = t0ken }"),
        otlp("auth = { bearer = T0KEN_t0ken }"),
        otlp("auth = { bearer = t0ken(1) }"),
        otlp("auth = { bearer = \"${t0ken}\" }"),
        otlp("auth = { bearer = \"${\"t0ken\" && true}\" }"),
        otlp("auth = { bearer = \"t0ken }"),
        otlp("auth = { bearer = 't0ken' }"),
        otlp("auth = { bearer = \"t0ken\" \"t0ken\" }"),
        otlp("auth = { bearer = [\"t0ken\"] }"),
        otlp("auth = { bearer = \"a\\nt0ken\" }"),
        otlp("auth = { basic = { user = \"me\", pass = \"t0ken } }"),
        otlp("auth = { basic = { user = \"me:t0ken\", pass = \"\" } }"),
        otlp("auth = { bearer = \"t0ken\", basic = {"),
        otlp("endpoint = \"https://me:t0ken@a:99999\""),
        otlp("endpoint = \"http://me:t0ken@a\"\n tls = {}"),
        otlp("endpoint = \"collector:4317?api_key=t0ken\""),
        otlp("endpoint = \"t0ken\""),
        otlp("protocol = \"t0ken\""),
        otlp("timeout = \"t0ken\""),
        "log_color = \"${\"t0ken\"}\"".to_owned(),
        "parser {\n  vxlan_port = \"${\"t0ken\"}\"\n}\n".to_owned(),
        "internal \"metrics\" {\n  listen_address = \"t0ken\"\n}\n".to_owned(),
        "discovery \"instrument\" {\n  interfaces = [\"t0ken[\", \"/t0ken(/\"]\n}\n".to_owned(),
        "discovery \"instrument\" {\n  netns = \"t0ken\"\n  instance = \"t0ken.\"\n}\n".to_owned(),
        "filter \"network\" {\n  transport = { match = [\"t0ken\", \"t0ken*\", \"{t0ken\"] }\n}\n".to_owned(),
        "filter \"source\" {\n  address = { match = [\"t0ken\"] }\n  port = { match = [\"t0ken\"] }\n}\n".to_owned(),
        "attributes \"source\" \"k8s\" {\n  extract {\n    label {\n      key_regex = \"t0ken(\"\n    }\n  }\n}\n"
            .to_owned(),
        "bearer: t0ken\n".to_owned(),
        "export:\n  traces:\n    otlp:\n      auth:\n        bearer: t0ken\n".to_owned(),
    ] {
        let Err(error) = load(&text) else {
            panic!("accepted: {text}");
        };
        let said = error.without_excerpts();
        assert!(error.to_string().contains("t0ken"), "{error}");
        assert!(!said.contains("t0ken"), "{said}");
        let each = error.diagnostics().iter();
        for (diagnostic, said) in each.zip(said.split("\n\n")) {
            let position = diagnostic.line().map(|line| format!("mermin.hcl:{line}:"));
            assert!(
                said.starts_with(&position.unwrap_or("mermin.hcl: cannot".to_owned())),
                "{said}"
            );
        }
    }
}

/// A number may be a secret, too. Logs still say what is valid, and what is wrong unless that takes the text.
#[test]
fn logs_say_what_is_wrong_with_a_value_without_the_value() {
    for (text, said) in [
        (
            "log_color = 271828",
            "mermin.hcl:1:13: cannot use a number for `log_color`\n  = valid: bool: true or false",
        ),
        (
            "shutdown_timeout = 271828",
            "mermin.hcl:1:20: cannot use a number for `shutdown_timeout`\n  = valid: ",
        ),
        (
            "shutdown_timeout = \"271828 days\"",
            "mermin.hcl:1:20: cannot use this for `shutdown_timeout`: it is more than 365 days\n  = valid: ",
        ),
        (
            "parser {\n  vxlan_port = 271828\n}",
            "mermin.hcl:2:16: cannot use this for `vxlan_port`: it is out of range\n  = valid: ",
        ),
        (
            "log_level = \"inof\"",
            "mermin.hcl:1:13: cannot use this for `log_level`: did you mean `info`?\n  = valid: ",
        ),
    ] {
        let error = load(text).unwrap_err().without_excerpts();
        assert!(error.starts_with(said), "{error}");
        assert!(
            !error.contains("271828") && !error.contains("inof"),
            "{error}"
        );
    }
}
