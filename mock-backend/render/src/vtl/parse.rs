//! Templates: text and directives.
//!
//! Owns the outer grammar of Velocity 1.7: text, comments, escapes, directives and the line ends that belong to them. Refuses
//! what stands inside parentheses (`expression` reads that). Called by `Template::parse` and for texts in double quotes.

use super::cursor::Cursor;
use super::error::ParseError;
use super::expression;
use super::tree::{Block, Define, Foreach, If, Names, Node, Place, Reference, Set, Slot, Step};

/// The directives that the service has. `#define` is in no list of the guide; the templates that the Serverless Framework has
/// deployed for years begin with it.
const KNOWN: [&str; 9] = ["set", "if", "elseif", "else", "end", "foreach", "break", "stop", "define"];
/// Those of Velocity that it refuses.
const REFUSED: [&str; 4] = ["macro", "parse", "include", "evaluate"];

/// Parses a whole template.
pub(super) fn template(text: &str, names: &mut Names) -> Result<Block, ParseError> {
    Parser { cursor: Cursor::new(text), names }.whole()
}

/// Parses the inside of a text in double quotes, which stands at the cursor of the template around it.
pub(super) fn interpolated(text: &str, around: &Cursor<'_>, place: Place, names: &mut Names) -> Result<Block, ParseError> {
    let mut cursor = around.within(text, place);
    cursor.enter()?;
    Parser { cursor, names }.whole()
}

/// What ended a block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Text,
    Else,
    ElseIf,
    End,
}

struct Parser<'t, 'n> {
    cursor: Cursor<'t>,
    names: &'n mut Names,
}

/// Nodes so far, and the text that goes into the next one.
#[derive(Default)]
struct Growing {
    nodes: Block,
    text: String,
    /// Where in the text the lexer of Velocity would have begun anew, as after a comment.
    fresh: usize,
}

impl Growing {
    /// Blanks before `#set` belong to it, unless they belong to text before them.
    fn give_blanks(&mut self) {
        if self.text[self.fresh..].bytes().all(|byte| byte == b' ' || byte == b'\t') {
            self.text.truncate(self.fresh);
        }
    }

    fn push(&mut self, node: Node) {
        self.flush();
        self.nodes.push(node);
    }

    fn flush(&mut self) {
        self.fresh = 0;
        if !self.text.is_empty() {
            self.nodes.push(Node::Text(std::mem::take(&mut self.text).into_boxed_str()));
        }
    }
}

impl Parser<'_, '_> {
    fn whole(&mut self) -> Result<Block, ParseError> {
        let (block, ending, place) = self.block()?;
        match ending {
            Ending::Text => Ok(block),
            Ending::Else | Ending::ElseIf => Err(ParseError::new(place, "#else without an #if that it belongs to")),
            Ending::End => Err(ParseError::new(place, "#end without an #if or #foreach that it ends")),
        }
    }

    /// A block, what ended it, and where that stands.
    fn block(&mut self) -> Result<(Block, Ending, Place), ParseError> {
        self.cursor.enter()?;
        let mut growing = Growing::default();
        let ending = loop {
            let start = self.cursor.offset();
            let plain = self.cursor.rest().find(['$', '#', '\\']).unwrap_or(self.cursor.rest().len());
            self.cursor.skip(plain);
            growing.text.push_str(self.cursor.since(start));
            let Some(next) = self.cursor.peek() else { break (Ending::Text, self.cursor.place()) };
            let place = self.cursor.place();
            let slashes = self.cursor.take_while(|byte| byte == b'\\').len();
            let ending = match (next, self.cursor.peek()) {
                (b'$', _) | (b'\\', Some(b'$')) => self.reference(&mut growing, slashes).map(|()| None),
                (b'#', _) | (b'\\', Some(b'#')) => self.hash(&mut growing, slashes),
                _ => {
                    growing.text.push_str(&"\\".repeat(slashes));
                    Ok(None)
                }
            }?;
            if let Some(ending) = ending {
                break (ending, place);
            }
        };
        growing.flush();
        self.cursor.leave();
        Ok((growing.nodes, ending.0, ending.1))
    }

    fn reference(&mut self, growing: &mut Growing, slashes: usize) -> Result<(), ParseError> {
        if let Some(reference) = expression::reference(&mut self.cursor, self.names)? {
            growing.push(Node::Reference(Box::new(Reference { slashes, ..reference })));
        } else {
            growing.text.push_str(&"\\".repeat(slashes));
            growing.text.push('$');
            self.cursor.skip(1);
        }
        Ok(())
    }

    /// What a `#` starts: a comment, raw text, a directive, or nothing.
    fn hash(&mut self, growing: &mut Growing, slashes: usize) -> Result<Option<Ending>, ParseError> {
        let start = self.cursor.offset();
        let word = self.word();
        if let Some(word) = word
            && slashes > 0
        {
            growing.text.push_str(&"\\".repeat(slashes / 2));
            if slashes % 2 == 1 {
                growing.text.push_str(self.cursor.since(start));
                growing.fresh = growing.text.len();
                return Ok(None);
            }
            return self.directive(growing, word, start);
        }
        growing.text.push_str(&"\\".repeat(slashes));
        if let Some(word) = word {
            return self.directive(growing, word, start);
        }
        self.comment_or_text(growing)?;
        Ok(None)
    }

    fn comment_or_text(&mut self, growing: &mut Growing) -> Result<(), ParseError> {
        if self.cursor.take("##") {
            let rest = self.cursor.rest();
            self.cursor.skip(rest.find('\n').map_or(rest.len(), |end| end + 1));
        } else if self.cursor.rest().starts_with("#*") {
            self.until("#*", "*#", "a comment")?;
        } else if self.cursor.rest().starts_with("#[[") {
            growing.text.push_str(self.until("#[[", "]]#", "unparsed text")?);
        } else {
            growing.text.push('#');
            self.cursor.skip(1);
            return Ok(());
        }
        growing.fresh = growing.text.len();
        Ok(())
    }

    /// What stands between two marks.
    fn until(&mut self, opens: &str, closes: &str, what: &str) -> Result<&str, ParseError> {
        let Some(length) = self.cursor.rest()[opens.len()..].find(closes) else {
            return Err(self.cursor.error(format!("{what} that {opens:?} opens is not closed by {closes:?}")));
        };
        self.cursor.skip(opens.len());
        let inside = &self.cursor.rest()[..length];
        self.cursor.skip(length + closes.len());
        Ok(inside)
    }

    /// The name of a directive, if one stands here; the cursor is behind it then.
    fn word(&mut self) -> Option<&'static str> {
        let start = self.cursor.offset();
        self.cursor.skip(1);
        let braced = self.cursor.take("{");
        let word = self.cursor.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let closed = !braced || self.cursor.take("}");
        let known = KNOWN.iter().chain(&REFUSED).find(|known| closed && **known == word).copied();
        // Where Velocity wants parentheses and finds none, these are text.
        let wants = known.is_some_and(|word| matches!(word, "set" | "define") || REFUSED.contains(&word));
        if known.is_none() || wants && !self.has_parenthesis() {
            self.cursor.back_to(start);
            return None;
        }
        known
    }

    fn has_parenthesis(&self) -> bool {
        self.cursor.rest().trim_start_matches([' ', '\t']).starts_with('(')
    }

    fn directive(&mut self, growing: &mut Growing, word: &'static str, start: usize) -> Result<Option<Ending>, ParseError> {
        match word {
            "set" => {
                growing.give_blanks();
                growing.push(Node::Set(Box::new(self.set()?)));
            }
            "if" => growing.push(Node::If(Box::new(self.condition()?))),
            "foreach" => growing.push(Node::Foreach(Box::new(self.foreach()?))),
            "define" => growing.push(Node::Define(Box::new(self.define()?))),
            "break" => growing.push(Node::Break),
            "stop" => growing.push(Node::Stop),
            "elseif" => return Ok(Some(Ending::ElseIf)),
            "else" => {
                self.cursor.skip_line_end();
                return Ok(Some(Ending::Else));
            }
            "end" => {
                self.cursor.skip_line_end();
                return Ok(Some(Ending::End));
            }
            _ => {
                self.cursor.back_to(start);
                return Err(self
                    .cursor
                    .error(format!("#{word} is not a directive of API Gateway's templates; write out what it stands for")));
            }
        }
        Ok(None)
    }

    fn set(&mut self) -> Result<Set, ParseError> {
        self.open("#set")?;
        let Some(target) = expression::reference(&mut self.cursor, self.names)? else {
            return Err(self.cursor.error("#set assigns to a reference: #set($name = value)"));
        };
        if matches!(target.steps.last(), Some(Step::Method(_))) {
            return Err(ParseError::new(target.place, "#set cannot assign to what a method returns; use .put(key, value)"));
        }
        self.cursor.skip_space();
        self.cursor.expect("=", "after the reference of a #set")?;
        let value = expression::expression(&mut self.cursor, self.names)?;
        self.close("the value of a #set")?;
        Ok(Set { target, value })
    }

    fn condition(&mut self) -> Result<If, ParseError> {
        let mut branches = Vec::new();
        loop {
            self.open("#if")?;
            let place = self.cursor.place();
            let condition = expression::expression(&mut self.cursor, self.names)?;
            self.close("the condition of an #if")?;
            let (block, ending, _) = self.block()?;
            branches.push((condition, block));
            match ending {
                Ending::ElseIf => {}
                Ending::End => return Ok(If { branches, otherwise: Block::new() }),
                Ending::Text => return Err(ParseError::new(place, "#if without its #end")),
                Ending::Else => {
                    let (otherwise, ending, _) = self.block()?;
                    return match ending {
                        Ending::End => Ok(If { branches, otherwise }),
                        _ => Err(ParseError::new(place, "the #else of this #if is not followed by its #end")),
                    };
                }
            }
        }
    }

    fn foreach(&mut self) -> Result<Foreach, ParseError> {
        let place = self.cursor.place();
        self.open("#foreach")?;
        let variable = self.variable("#foreach", "#foreach($item in $list)")?;
        self.cursor.expect("in", "after the variable of a #foreach")?;
        let over = expression::expression(&mut self.cursor, self.names)?;
        self.close("what a #foreach goes through")?;
        Ok(Foreach { variable, over, body: self.body("#foreach", place)?, place })
    }

    fn define(&mut self) -> Result<Define, ParseError> {
        let place = self.cursor.place();
        self.open("#define")?;
        let variable = self.variable("#define", "#define($name)")?;
        self.close("the variable of a #define")?;
        Ok(Define { variable, block: self.body("#define", place)? })
    }

    /// The plain variable that a directive names first.
    fn variable(&mut self, directive: &str, example: &str) -> Result<Slot, ParseError> {
        let Some(Reference { root, steps, .. }) = expression::reference(&mut self.cursor, self.names)? else {
            return Err(self.cursor.error(format!("{directive} names a variable first: {example}")));
        };
        if !steps.is_empty() {
            return Err(self.cursor.error(format!("{directive} takes a plain variable: {example}")));
        }
        self.cursor.skip_space();
        Ok(root)
    }

    /// The block up to the `#end` of the directive that stands at `place`.
    fn body(&mut self, directive: &str, place: Place) -> Result<Block, ParseError> {
        match self.block()? {
            (body, Ending::End, _) => Ok(body),
            (_, Ending::Text, _) => Err(ParseError::new(place, format!("{directive} without its #end"))),
            (_, Ending::Else | Ending::ElseIf, place) => Err(ParseError::new(place, "#else without an #if that it belongs to")),
        }
    }

    fn open(&mut self, directive: &str) -> Result<(), ParseError> {
        self.cursor.skip_space();
        self.cursor.expect("(", &format!("after {directive}"))?;
        self.cursor.skip_space();
        Ok(())
    }

    fn close(&mut self, what: &str) -> Result<(), ParseError> {
        self.cursor.skip_space();
        self.cursor.expect(")", &format!("after {what}"))?;
        self.cursor.skip_line_end();
        Ok(())
    }
}
