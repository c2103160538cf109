//! Parses tokens into an expression. `not` binds closest, then `and`, then `or`.

use super::{
    Node,
    items::items,
    keys::{self, Fields},
    tokens::{Token, tokens},
};

/// Largest nesting of parentheses and `not`, because each level takes stack.
const DEEPEST: u32 = 64;

/// Parses an expression.
///
/// # Errors
/// The first error, in one line with valid alternatives.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let tokens = tokens(text);
    if tokens.is_empty() {
        return Ok(Node::All(Vec::new()));
    }
    let mut parser = Parser {
        tokens: &tokens,
        depth: 0,
    };
    let node = parser.any()?;
    match parser.tokens.first() {
        None => Ok(node),
        Some(_) => Err("cannot use `)`: there is no `(` before it".to_owned()),
    }
}

/// The remaining tokens.
struct Parser<'a> {
    tokens: &'a [Token<'a>],
    depth: u32,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.first().copied()
    }

    /// Consumes the next token if it is this one.
    fn takes(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }

    fn word(&mut self) -> Option<&'a str> {
        let Some(Token::Word(word)) = self.peek() else {
            return None;
        };
        self.tokens = &self.tokens[1..];
        Some(word)
    }

    /// Parses terms that `or` joins.
    fn any(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.all()?];
        while self.takes(Token::Or) {
            nodes.push(self.all()?);
        }
        Ok(Node::one_or(nodes, Node::Any))
    }

    /// Parses terms that `and` joins. The word `and` may be left out.
    fn all(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.one()?];
        loop {
            let is_joined = self.takes(Token::And);
            if !is_joined && matches!(self.peek(), None | Some(Token::Or | Token::Close)) {
                return Ok(Node::one_or(nodes, Node::All));
            }
            nodes.push(self.one()?);
        }
    }

    /// Parses a negation, an expression in parentheses or a term.
    fn one(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!(
                "cannot nest deeper than {DEEPEST}: leave parentheses out"
            ));
        }
        let node = if self.takes(Token::Not) {
            Node::Not(Box::new(self.one()?))
        } else if self.takes(Token::Open) {
            let node = self.any()?;
            if !self.takes(Token::Close) {
                return Err("write `)` for each `(`".to_owned());
            }
            node
        } else {
            self.term()?
        };
        self.depth -= 1;
        Ok(node)
    }

    /// Parses a key with its items, such as `src port 443`, or the name of a protocol.
    fn term(&mut self) -> Result<Node, String> {
        let Some(written) = self.word() else {
            return Err("write a term here, such as `port 443`".to_owned());
        };
        let (end, key) = match keys::end(written) {
            Some(end) => (Some(end), self.key_of_end()),
            None => (None, written),
        };
        let Some(fields) = Fields::of(end, key) else {
            let protocol = self.protocol(written)?;
            // A protocol qualifies the port or the address behind it, so that `not` denies both together.
            return Ok(if self.peek().is_some_and(is_qualified) {
                Node::All(vec![protocol, self.term()?])
            } else {
                protocol
            });
        };
        let is_denial = self.takes(Token::Unequal);
        if !is_denial {
            self.takes(Token::Equal);
        }
        let list = self.word().unwrap_or_default();
        let list: Vec<&str> = items(list).filter(|item| !item.is_empty()).collect();
        if list.is_empty() {
            return Err(format!(
                "write an item behind `{written}`, such as `port 443`"
            ));
        }
        let node = fields.term(&list)?;
        Ok(if is_denial {
            Node::Not(Box::new(node))
        } else {
            node
        })
    }

    /// Parses the key after `src` or `dst`: `src port 80`. An address may follow directly: `src 10.0.0.1`.
    fn key_of_end(&mut self) -> &'a str {
        match self.peek() {
            Some(Token::Word(word)) if Fields::of(Some("source"), word).is_some() => {
                self.tokens = &self.tokens[1..];
                word
            }
            _ => "address",
        }
    }

    /// Parses a word that is not a key, which must be the name of a protocol.
    fn protocol(&self, word: &str) -> Result<Node, String> {
        if matches!(self.peek(), Some(Token::Equal | Token::Unequal)) {
            return Err(format!(
                "cannot use the key `{word}`: {}",
                keys::known(word)
            ));
        }
        keys::protocol(word).ok_or_else(|| {
            format!(
                "cannot use `{word}`: write a key and an item, such as `port=443`; keys are {}",
                keys::known(word)
            )
        })
    }
}

/// True for a word with which a primitive goes on behind its protocol, see pcap-filter(7).
fn is_qualified(token: Token<'_>) -> bool {
    let Token::Word(word) = token else {
        return false;
    };
    keys::end(word).is_some() || matches!(word, "host" | "net" | "port" | "portrange")
}
