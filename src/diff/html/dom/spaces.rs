//! The namespaces of XML: prefixes only stand for them.

use html5ever::Namespace;

use super::{Dialect, Dom, NodeId};

impl Dom<'_> {
    /// Does a selector that names the one element pick the other as well? Namespaces and prefixes are nothing to it.
    pub fn same_name(&self, a: NodeId, b: NodeId) -> bool {
        let (x, y) = (self.node(a), self.node(b));
        let local = |id| without_prefix(self.name(id).unwrap_or_default());
        x.kind == y.kind && (x.name == y.name || self.dialect == Dialect::Xml && local(a) == local(b))
    }

    /// The name by which an element is known: in XML, a prefix only stands for the namespace.
    pub fn local_name(&self, id: NodeId) -> &str {
        let name = self.name(id).unwrap_or_default();
        if self.dialect == Dialect::Xml && !self.namespace(id).is_empty() { without_prefix(name) } else { name }
    }

    /// The namespace of an element of XML; empty: none.
    pub fn namespace(&self, id: NodeId) -> &str {
        let own = (self.dialect == Dialect::Xml).then(|| self.full_name(id)).flatten();
        own.map_or("", |name| &*name.1)
    }

    /// Are an element's attributes data of a format of its own, that HTML says nothing about?
    pub fn is_data(&self, id: NodeId) -> bool {
        const SHOWN: [&str; 2] = ["http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"];
        self.dialect == Dialect::Xml && !SHOWN.contains(&self.namespace(id))
    }

    /// A prefix of XML is bound to a namespace, somewhere in the page.
    pub fn bind(&mut self, prefix: &str, space: &Namespace) {
        let known = self.prefixes.entry(prefix.to_owned()).or_insert_with(|| Some(space.clone()));
        if known.as_ref() != Some(space) {
            *known = None;
        }
    }
}

/// The name behind its prefix.
fn without_prefix(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}
