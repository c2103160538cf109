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
    informer::{
        Informer, K8sInformer, MatchExpression, OwnerRelations, Selector, SelectorRelation,
    },
    internal::{Internal, InternalStdout, InternalTraces, Metrics, Page, Server},
    parser::Parser,
    pipeline::{FlowCapture, FlowProducer, FlowSampling, K8sDecorator, Pipeline},
    root::Config,
    span::Span,
};
