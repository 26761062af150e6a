//! Which fields are sent with a form.

use super::{Dom, NodeId};

impl Dom<'_> {
    /// Says which fields were made while which form stood open. Of interest is what the tree does not tell; and since it shows each
    /// form, and the last one before a field is the only one that can stand open, whether there was one is all there is to know.
    pub fn set_owners(&mut self, owners: Vec<(NodeId, NodeId)>) {
        let is_elsewhere = |(field, form): &(NodeId, NodeId)| {
            let is_field = matches!(self.name(*field), Some("input" | "select" | "textarea" | "button"));
            is_field && !self.around(*field).any(|outer| outer == *form) && self.attribute(*field, "form").is_none()
        };
        self.owned_elsewhere = owners.iter().filter(|owner| is_elsewhere(owner)).map(|owner| owner.0).collect();
    }

    /// Is a field sent with a form that it does not stand in?
    pub fn is_owned_elsewhere(&self, field: NodeId) -> bool {
        self.owned_elsewhere.binary_search(&field).is_ok()
    }

    /// Is a field sent with a form (HTML Standard, 4.10.18.3)? An attribute of its own that says with which is not asked.
    pub fn is_owned(&self, field: NodeId) -> bool {
        self.is_owned_elsewhere(field) || self.around(field).any(|outer| self.name(outer) == Some("form"))
    }
}
