//! Brings an element to a newer rendering of itself by changing only what differs, so that what the reader is about stays: an
//! opened explanation, the focus, a selection, half-typed text.

use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

/// Belongs to the reader once the page is there.
const OF_THE_READER: &str = "open";

/// Makes `shown` read like `fresh`, which is of another document and is taken apart on the way. Children are recognized by the
/// ids within them, so that a row keeps its state when others come before it; those without are taken one after another.
pub fn morph(shown: &Element, fresh: &Element) {
    take_attributes(shown, fresh);
    let mut next = shown.first_child();
    while let Some(child) = fresh.first_child() {
        match rendering_of(&child, next.as_ref()) {
            Some(kept) => {
                // Moving a node takes the focus from it, so only what is out of place moves.
                if next.as_ref() == Some(&kept) {
                    next = kept.next_sibling();
                } else {
                    let _ = shown.insert_before(&kept, next.as_ref());
                }
                bring_to(&kept, &child);
                let _ = fresh.remove_child(&child);
            }
            // Takes it out of `fresh`, into this document; what can't be put there must go all the same.
            None => {
                if shown.insert_before(&child, next.as_ref()).is_err() {
                    let _ = fresh.remove_child(&child);
                }
            }
        }
    }
    while let Some(gone) = next {
        next = gone.next_sibling();
        let _ = shown.remove_child(&gone);
    }
}

/// The node, among `next` and those after it, that `fresh` is a newer rendering of.
fn rendering_of(fresh: &Node, next: Option<&Node>) -> Option<Node> {
    let wanted = ids(fresh);
    let mut candidate = next.cloned();
    while let Some(node) = candidate {
        let of_node = ids(&node);
        let is_it = if wanted.is_empty() { of_node.is_empty() } else { of_node.iter().any(|id| wanted.contains(id)) };
        if is_it && is_alike(&node, fresh) {
            return Some(node);
        }
        // Without an id only the very next one can be it.
        candidate = if wanted.is_empty() { None } else { node.next_sibling() };
    }
    None
}

/// The ids of the node and of what is within it.
fn ids(node: &Node) -> Vec<String> {
    let Some(element) = node.dyn_ref::<Element>() else { return Vec::new() };
    let mut ids = if element.has_attribute("id") { vec![element.id()] } else { Vec::new() };
    if let Ok(within) = element.query_selector_all("[id]") {
        let within = (0..within.length()).filter_map(|at| within.item(at)?.dyn_into::<Element>().ok());
        ids.extend(within.map(|element| element.id()));
    }
    ids
}

fn is_alike(one: &Node, other: &Node) -> bool {
    one.node_type() == other.node_type() && one.node_name() == other.node_name() && purpose(one) == purpose(other)
}

/// What the reader may have begun here: what they opened or typed for one purpose never stays for another.
fn purpose(node: &Node) -> Option<String> {
    let element = node.dyn_ref::<Element>()?;
    match element.tag_name().as_str() {
        "DETAILS" => element.query_selector("summary").ok().flatten()?.text_content(),
        "FORM" => element.get_attribute("action"),
        "INPUT" | "SELECT" | "TEXTAREA" => element.get_attribute("name"),
        _ => None,
    }
}

fn bring_to(shown: &Node, fresh: &Node) {
    match (shown.dyn_ref::<Element>(), fresh.dyn_ref::<Element>()) {
        (Some(shown), Some(fresh)) => morph(shown, fresh),
        _ if shown.node_value() != fresh.node_value() => shown.set_node_value(fresh.node_value().as_deref()),
        _ => {}
    }
}

fn take_attributes(shown: &Element, fresh: &Element) {
    for name in names(shown) {
        if name != OF_THE_READER && !fresh.has_attribute(&name) {
            let _ = shown.remove_attribute(&name);
        }
    }
    for name in names(fresh) {
        let value = fresh.get_attribute(&name).unwrap_or_default();
        if name != OF_THE_READER && shown.get_attribute(&name).as_ref() != Some(&value) {
            let _ = shown.set_attribute(&name, &value);
        }
    }
}

fn names(element: &Element) -> Vec<String> {
    element.get_attribute_names().iter().filter_map(|name| name.as_string()).collect()
}
