//! Brackets, and the part of a text that a fault spoils.

use super::*;

#[test]
fn brackets_in_strings_and_comments_are_ignored() {
    for text in [
        "a = \"}{][)(\"\n",
        "# }\n// ]\n/* ) \n } */\n",
        "a = \"\\\"}\"\n",
        "a = <<EOT\n}}}\n\"\nEOT\n",
        "a = <<-EOT\n  }\n  EOT\n",
        "a = \"$${ %%{\"\n",
    ] {
        assert_eq!(scan(text), Ok(vec![]), "{text}");
    }
}

#[test]
fn bracket_pairs_are_found_within_templates() {
    let text = "a = \"x ${env(\"Y\")}\"\n";
    assert_eq!(scan(text), Ok(vec![(12, 16), (7, 17)]));
}

fn spoiled(text: &str) -> &str {
    &text[scan(text).unwrap_err().spoiled]
}

#[test]
fn missing_brace_invalidates_its_block_only() {
    assert_eq!(
        spoiled("span {\n  a = 1\n\nparser {\n}\n"),
        "span {\n  a = 1\n\n"
    );
    assert_eq!(
        spoiled("pipeline {\n  inner {\n    a = 1\n}\n"),
        "  inner {\n    a = 1\n"
    );
}

#[test]
fn missing_bracket_invalidates_its_content() {
    assert_eq!(spoiled("a {\n  b = [1\n}\n"), "  b = [1\n");
    assert_eq!(spoiled("a = 1\nb = [1,\n  2\nc = 3\n"), "b = [1,\n  2\n");
    assert_eq!(spoiled("a = env(\"B\"\nc {\n}\n"), "a = env(\"B\"\n");
}

#[test]
fn unclosed_quote_invalidates_its_line_and_what_it_opens() {
    assert_eq!(spoiled("a = \"x\nb = \"y\"\n"), "a = \"x");
    assert_eq!(spoiled("a = 1\nb = \"y\nc = 1\n"), "b = \"y");
    assert_eq!(
        spoiled("a \"b {\n  c = 1\n\n  d {\n  }\n}\ne {\n}\n"),
        "a \"b {\n  c = 1\n\n  d {\n  }\n}"
    );
    assert_eq!(spoiled("a = \"b [\nc = 1\n"), "a = \"b [\n");
    assert_eq!(spoiled("a \"b {"), "a \"b {");
}

#[test]
fn unclosed_block_invalidates_its_content() {
    assert_eq!(spoiled("a = 1\nb {\n  c = <<E\n}\n"), "b {\n  c = <<E\n}\n");
    assert_eq!(spoiled("a = 1 /*\nb {\n}\n"), "/*\nb {\n}\n");
    let deep = "[".repeat(MOST_LEVELS + 1);
    assert_eq!(
        spoiled(&format!("a = 1\nb = {deep}\n")),
        format!("b = {deep}\n")
    );
}

#[test]
fn nesting_depth_is_limited() {
    let nested = |levels| format!("a = {}{}\n", "[".repeat(levels), "]".repeat(levels));
    assert!(scan(&nested(MOST_LEVELS)).is_ok());
    assert!(scan(&nested(MOST_LEVELS + 1)).is_err());
    assert!(scan(&"a {\n".repeat(10_000)).is_err());
}

/// Scanning from each octet to the end of its line would take a minute for a file of one line.
#[test]
fn long_line_takes_linear_time() {
    for part in [" && true", "{}", "()", "<", "<<", "\"\" ", "}", "a = {}\n"] {
        let text = part.repeat((1 << 20) / part.len());
        let began = std::time::Instant::now();
        let _ = scan(&text);
        assert!(
            began.elapsed().as_secs() < 10,
            "{part}: {:?}",
            began.elapsed()
        );
    }
}

#[test]
fn every_truncated_text_is_parsed_to_its_end() {
    let text = "a \"ü\" {\n  b = [\"x ${env(\"Y\")}\", <<E\n${1}\nE\n  ] # }\n}\n/* */";
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        let _ = scan(&text[..end]);
    }
}
