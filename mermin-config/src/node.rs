//! A file as a tree of keys and values with their positions.

use std::slice;

use hcl::Value;
use hcl_edit::{
    Decorated, Ident, Number, Span as _,
    expr::{Expression, Object, ObjectKey},
    structure::{BlockLabel, Body, Structure},
};

use crate::{
    diagnostic::Problem,
    evaluate::{Environment, evaluate},
    text::{Span, scan::MOST_LEVELS},
};

/// A value.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) kind: Kind,
    /// The result of `env` or a template, which is text whatever type is needed.
    pub(crate) computed: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// Could not be evaluated; the error has been reported.
    Broken,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) span: Span,
    pub(crate) form: Form,
    pub(crate) node: Node,
}

/// Syntax of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `key = ..`
    Attribute,
    /// `key { .. }`
    Block,
    /// `.. "key" { .. }`: a table within that of the block.
    Label,
}

impl Node {
    /// Returns its name in messages.
    pub(crate) fn what(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "a bool",
            Kind::Number(_) => "a number",
            Kind::Text(_) => "text",
            Kind::List(_) => "a list",
            Kind::Table(_) => "an object",
            Kind::Broken => "this",
        }
    }
}

impl Node {
    /// Returns the entry of a key of a block.
    pub(crate) fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.kind {
            Kind::Table(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// Returns a block with this as its only key, for a text in place of a block.
    pub(crate) fn as_block_of(&self, key: &str) -> Self {
        let mut block = self.clone();
        if matches!(self.kind, Kind::Text(_)) {
            block.kind = Kind::Table(vec![Entry {
                key: key.to_owned(),
                span: self.span.clone(),
                form: Form::Attribute,
                node: self.clone(),
            }]);
        }
        block
    }
}

/// Reads a file's body.
pub(crate) fn tree(
    body: &Body,
    environment: Environment<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Entry> {
    Builder {
        environment,
        problems,
    }
    .body(body)
}

struct Builder<'a> {
    environment: Environment<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Builder<'_> {
    fn body(&mut self, body: &Body) -> Vec<Entry> {
        body.iter()
            .map(|structure| match structure {
                Structure::Attribute(attribute) => Entry {
                    key: attribute.key.to_string().trim().to_owned(),
                    span: attribute.key.span().unwrap_or_default(),
                    form: Form::Attribute,
                    node: self.value(&attribute.value),
                },
                Structure::Block(block) => {
                    let span = block.ident.span().unwrap_or_default();
                    let node = Node {
                        span: span.clone(),
                        kind: Kind::Table(self.body(&block.body)),
                        computed: false,
                    };
                    Entry {
                        key: name(&block.ident),
                        form: Form::Block,
                        node: self.labels(&block.labels).rfold(node, labelled),
                        span,
                    }
                }
            })
            .collect()
    }

    /// Returns a block's labels. Each counts as a nested bracket, up to the limit of brackets.
    fn labels<'l>(&mut self, labels: &'l [BlockLabel]) -> slice::Iter<'l, BlockLabel> {
        if let Some(label) = labels.get(MOST_LEVELS) {
            let message = format!("cannot read more than {MOST_LEVELS} labels of a block");
            self.problems.push(
                Problem::at(&label_span(label), message)
                    .with_hint("no block has more than two; look for a file gone wrong"),
            );
        }
        labels[..labels.len().min(MOST_LEVELS)].iter()
    }

    fn value(&mut self, expression: &Expression) -> Node {
        let kind = match expression {
            Expression::Null(_) => Kind::Null,
            Expression::Bool(value) => Kind::Bool(*value.value()),
            Expression::Number(value) => Kind::Number(*value.value()),
            Expression::String(value) => Kind::Text(value.value().clone()),
            Expression::Array(list) => {
                Kind::List(list.iter().map(|item| self.value(item)).collect())
            }
            Expression::Object(object) => Kind::Table(self.object(object)),
            Expression::Parenthesis(inner) => return self.value(inner.inner()),
            other => return self.computed(other),
        };
        Node {
            span: expression.span().unwrap_or_default(),
            kind,
            computed: false,
        }
    }

    fn object(&mut self, object: &Object) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (key, value) in object {
            let (key, span) = match key {
                ObjectKey::Ident(ident) => (name(ident), ident.span().unwrap_or_default()),
                ObjectKey::Expression(expression) => {
                    let node = self.value(expression);
                    match node.kind {
                        Kind::Text(key) => (key, node.span),
                        Kind::Broken => continue,
                        _ => {
                            let message = format!("cannot use {} as a key", node.what());
                            self.problems.push(
                                Problem::at(&node.span, message).with_valid("a name or text"),
                            );
                            continue;
                        }
                    }
                }
            };
            entries.push(Entry {
                key,
                span,
                form: Form::Attribute,
                node: self.value(value.expr()),
            });
        }
        entries
    }

    fn computed(&mut self, expression: &Expression) -> Node {
        let span = expression.span().unwrap_or_default();
        match evaluate(expression, self.environment) {
            Ok(value) => computed(&span, value),
            Err(problems) => {
                self.problems.extend(problems);
                Node {
                    span,
                    kind: Kind::Broken,
                    computed: true,
                }
            }
        }
    }
}

fn name(ident: &Decorated<Ident>) -> String {
    ident.as_str().to_owned()
}

/// Converts a label into a key whose value is the block's table.
fn labelled(node: Node, label: &BlockLabel) -> Node {
    let span = label_span(label);
    Node {
        span: span.clone(),
        kind: Kind::Table(vec![Entry {
            key: label.as_str().to_owned(),
            span,
            form: Form::Label,
            node,
        }]),
        computed: false,
    }
}

fn label_span(label: &BlockLabel) -> Span {
    let span = match label {
        BlockLabel::Ident(ident) => ident.span(),
        BlockLabel::String(text) => text.span(),
    };
    span.unwrap_or_default()
}

fn computed(span: &Span, value: Value) -> Node {
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(value) => Kind::Bool(value),
        Value::Number(value) => Kind::Number(value),
        Value::String(value) => Kind::Text(value),
        Value::Array(list) => {
            Kind::List(list.into_iter().map(|item| computed(span, item)).collect())
        }
        Value::Object(object) => Kind::Table(
            object
                .into_iter()
                .map(|(key, value)| Entry {
                    key,
                    span: span.clone(),
                    form: Form::Attribute,
                    node: computed(span, value),
                })
                .collect(),
        ),
    };
    Node {
        span: span.clone(),
        kind,
        computed: true,
    }
}
