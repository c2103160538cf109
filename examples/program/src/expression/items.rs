//! Lists of items separated by commas.

/// Returns the items between commas. Commas within braces, or within a regular expression between slashes, belong to
/// the item.
///
/// ```
/// let items: Vec<_> = mermin_program::items("eth0,{a,b}*,/x{1,2}/").collect();
/// assert_eq!(items, ["eth0", "{a,b}*", "/x{1,2}/"]);
/// ```
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut place = Place::default();
    text.split(move |character| {
        let is_comma = character == ',' && place.is_outside();
        place.pass(character);
        is_comma
    })
    .map(str::trim)
}

/// A position in a list of items.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    depth: u32,
    in_expression: bool,
    in_item: bool,
}

impl Place {
    /// Returns true if a comma here ends the item.
    pub(super) fn is_outside(self) -> bool {
        self.depth == 0 && !self.in_expression
    }

    /// Returns true within a regular expression.
    pub(super) fn is_in_expression(self) -> bool {
        self.in_expression
    }

    /// Advances past a character.
    pub(super) fn pass(&mut self, character: char) {
        // A slash that is not at the beginning belongs to a network, `10.0.0.0/8`.
        let is_edge = character == '/' && (self.in_expression || !self.in_item);
        match character {
            '/' if is_edge => self.in_expression = !self.in_expression,
            _ if self.in_expression => {}
            '{' => self.depth += 1,
            '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if character == ',' && self.is_outside() {
            self.in_item = false;
        } else if !character.is_whitespace() {
            self.in_item = true;
        }
    }
}
