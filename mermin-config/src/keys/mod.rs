//! The keys of a file, by block: each block is a type, each key a method of it.

mod attributes;
mod discovery;
mod export;
mod filter;
mod informer;
mod internal;
mod parser;
mod pipeline;
mod root;
mod span;

pub use self::{
    attributes::{
        Association, Attributes, Extract, K8sAttributes, ObjectSources, Pick, SideAttributes,
        SourceOf,
    },
    discovery::{Discovery, Instrument},
    export::{Auth, Basic, Export, Flows, Otlp, Stdout, Tls, Traces},
    filter::{EndpointFilter, Filter, FlowFilter, NetworkFilter},
    informer::{
        Informer, K8sInformer, MatchExpression, OwnerRelations, Selector, SelectorRelation,
    },
    internal::{Internal, InternalStdout, InternalTraces, Metrics, Server},
    parser::Parser,
    pipeline::{FlowCapture, FlowProducer, FlowSampling, K8sDecorator, Pipeline},
    root::Config,
    span::Span,
};

use crate::node::{Entry, Kind, Node};

/// Returns the entry of a key of a block.
fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    match &node.kind {
        Kind::Table(entries) => entries.iter().find(|entry| entry.key == key),
        _ => None,
    }
}
