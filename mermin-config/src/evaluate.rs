//! Evaluates values that are not literals: `env`, templates, conditionals.

use hcl::{
    Value,
    eval::{Context, Evaluate as _},
};
use hcl_edit::{
    Span as _,
    expr::{BinaryOperator, Expression, FuncCall},
    template::{Element, ForDirective, Interpolation, StringTemplate},
    visit_mut::{self, VisitMut},
};

use crate::{diagnostic::Problem, text::Span};

/// Looks up an environment variable.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Expressions that are valid as a value.
const VALID: &str =
    "a literal, a template, a conditional with `==`, `!=`, `&&`, `||` and `!`, or `env(\"NAME\")`";

/// Evaluates an expression.
///
/// # Errors
/// Variables that are not set, and expressions without a meaning in a configuration.
pub(crate) fn evaluate(
    expression: &Expression,
    environment: Environment<'_>,
) -> Result<Value, Vec<Problem>> {
    let span = expression.span().unwrap_or_default();
    let mut expression = expression.clone();
    let mut substitution = Substitution {
        environment,
        whole: span.clone(),
        problems: Vec::new(),
    };
    substitution.visit_expr_mut(&mut expression);
    if !substitution.problems.is_empty() {
        return Err(substitution.problems);
    }
    hcl::Expression::from(expression)
        .evaluate(&Context::new())
        .map_err(|error| {
            let message = format!("cannot evaluate this: {error}").replace('\n', " ");
            let problem = Problem::at(&span, message).with_valid(VALID);
            vec![problem.with_discreet("cannot evaluate this")]
        })
}

/// Substitutes environment variables, and rejects expressions that could take long or overflow: loops, arithmetic, and comparisons by
/// size.
struct Substitution<'a> {
    environment: Environment<'a>,
    whole: Span,
    problems: Vec<Problem>,
}

impl Substitution<'_> {
    fn span(&self, of: &Expression) -> Span {
        of.span().unwrap_or_else(|| self.whole.clone())
    }

    fn refuse(&mut self, span: &Span, what: &str) {
        self.problems
            .push(Problem::at(span, format!("cannot evaluate {what}")).with_valid(VALID));
    }

    /// Refuses a value that has no text: the evaluation would write it as `null` or as an expression into the text around it.
    fn require_text(&mut self, interpolation: &Interpolation, span: &Span) {
        let value = hcl::Expression::from(interpolation.expr.clone()).evaluate(&Context::new());
        let what = match value {
            Ok(Value::Null) => "`null`",
            Ok(Value::Array(_)) => "a list",
            Ok(Value::Object(_)) => "an object",
            // An error is reported for the whole expression.
            Ok(Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => return,
        };
        let message = format!("cannot use {what} within a text");
        let problem = Problem::at(span, message).with_valid("text, a number or a bool");
        self.problems.push(problem);
    }

    /// Returns the value of `env(..)`.
    fn env(&mut self, call: &FuncCall, span: &Span) -> Option<Expression> {
        let mut arguments = call.args.iter();
        let (Some(name), default, None) = (arguments.next(), arguments.next(), arguments.next())
        else {
            self.problems.push(
                Problem::at(span, "cannot call `env` with these arguments")
                    .with_valid("`env(\"NAME\")`, or `env(\"NAME\", \"default\")`"),
            );
            return None;
        };
        // Files of the original Mermin agent have the name without quotes, as in `tests/agent.hcl`.
        let name = match name {
            Expression::String(name) => name.value().clone(),
            Expression::Variable(name) => name.as_str().to_owned(),
            other => {
                let span = self.span(other);
                self.problems.push(
                    Problem::at(
                        &span,
                        "cannot use this as the name of an environment variable",
                    )
                    .with_valid("text: `env(\"NAME\")`"),
                );
                return None;
            }
        };
        if let Some(value) = (self.environment)(&name) {
            return Some(value.into());
        }
        if let Some(default) = default {
            let mut default = default.clone();
            self.visit_expr_mut(&mut default);
            return Some(default);
        }
        self.problems.push(
            Problem::at(
                span,
                format!("cannot use the environment variable `{name}`: it is not set"),
            )
            .with_hint(format!(
                "set it, or give a default: `env(\"{name}\", \"..\")`"
            )),
        );
        None
    }
}

/// Suggests the correct form of a bare word: names in capitals are usually environment variables.
fn meant(name: &str) -> String {
    let environment = |it: char| it.is_ascii_uppercase() || it.is_ascii_digit() || it == '_';
    if name.chars().all(environment) {
        format!(
            "an environment variable is `env(\"{name}\")`, and in a text `${{env(\"{name}\")}}`"
        )
    } else {
        format!("text stands in double quotes: `\"{name}\"`")
    }
}

impl VisitMut for Substitution<'_> {
    fn visit_expr_mut(&mut self, node: &mut Expression) {
        let span = self.span(node);
        match node {
            Expression::FuncCall(call)
                if call.name.name.as_str() == "env" && !call.name.is_namespaced() =>
            {
                if let Some(value) = self.env(call, &span) {
                    *node = value;
                }
            }
            Expression::FuncCall(call) => {
                let name = call.name.name.as_str();
                let message =
                    format!("cannot evaluate the function `{name}`: there is `env` alone");
                let problem = Problem::at(&span, message).with_valid(VALID);
                self.problems.push(
                    problem.with_discreet("cannot evaluate a function: there is `env` alone"),
                );
            }
            Expression::Variable(name) => {
                let problem = Problem::at(&span, format!("cannot find a variable `{name}`"));
                // A text whose quotes are missing is a variable here, and may be a secret.
                let problem = problem.with_discreet("cannot find a variable of this name");
                self.problems.push(problem.with_hint(meant(name)));
            }
            Expression::Traversal(_) => self.refuse(&span, "a reference: there are no variables"),
            Expression::ForExpr(_) => self.refuse(&span, "a loop"),
            Expression::UnaryOp(operation) => {
                use hcl_edit::expr::UnaryOperator::Neg;
                if *operation.operator.value() == Neg {
                    self.refuse(&span, "arithmetic");
                } else {
                    visit_mut::visit_expr_mut(self, node);
                }
            }
            Expression::BinaryOp(operation) => {
                use BinaryOperator::{And, Eq, Greater, GreaterEq, Less, LessEq, NotEq, Or};
                match *operation.operator.value() {
                    And | Eq | NotEq | Or => visit_mut::visit_expr_mut(self, node),
                    Less | LessEq | Greater | GreaterEq => {
                        self.refuse(&span, "a comparison by size");
                    }
                    _ => self.refuse(&span, "arithmetic"),
                }
            }
            _ => visit_mut::visit_expr_mut(self, node),
        }
    }

    fn visit_string_template_mut(&mut self, node: &mut StringTemplate) {
        // A text that is one interpolation is that value, of whatever type.
        match node.as_single_element_mut() {
            Some(Element::Interpolation(whole)) => self.visit_expr_mut(&mut whole.expr),
            _ => visit_mut::visit_string_template_mut(self, node),
        }
    }

    fn visit_interpolation_mut(&mut self, node: &mut Interpolation) {
        // A substituted value has no place in the file.
        let span = self.span(&node.expr);
        let before = self.problems.len();
        visit_mut::visit_interpolation_mut(self, node);
        if self.problems.len() == before {
            self.require_text(node, &span);
        }
    }

    fn visit_for_directive_mut(&mut self, _: &mut ForDirective) {
        let span = self.whole.clone();
        self.refuse(&span, "a loop");
    }
}
