//! Checks JSON against the schemas of the OpenAI specification.
//!
//! The schemas are compiled once into an arena, so that a check follows indices instead of names. Only the keywords
//! that the specification uses are understood; compiling stops at any other, so that no rule is passed over in silence.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde_json::{Map, Value};

const SOURCE: &str = include_str!("openai.schemas.json");
const PREFIX: &str = "#/components/schemas/";

pub struct Schemas {
    nodes: Vec<Node>,
    names: HashMap<String, usize>,
}

#[derive(Default)]
struct Node {
    refer: Option<usize>,
    types: Vec<String>,
    nullable: bool,
    allowed: Option<Vec<Value>>,
    required: Vec<String>,
    properties: HashMap<String, usize>,
    /// `additionalProperties: false`.
    closed: bool,
    extra: Option<usize>,
    items: Option<usize>,
    all: Vec<usize>,
    /// Every `anyOf` and `oneOf`. At least one member has to fit: the specification's own `oneOf` lists overlap.
    any: Vec<Vec<usize>>,
    number: (Option<f64>, Option<f64>),
    length: (Option<u64>, Option<u64>),
    count: (Option<u64>, Option<u64>),
}

impl Schemas {
    pub fn load() -> Self {
        let source: Value = serde_json::from_str(SOURCE).expect("the schema file is JSON");
        let all = source["components"]["schemas"]
            .as_object()
            .expect("schemas by name");
        let mut schemas = Self {
            nodes: Vec::new(),
            names: HashMap::new(),
        };
        for name in all.keys() {
            schemas.names.insert(name.clone(), schemas.nodes.len());
            schemas.nodes.push(Node::default());
        }
        for (name, schema) in all {
            let node = schemas.compile(schema);
            let slot = schemas.names[name];
            schemas.nodes[slot] = node;
        }
        schemas
    }

    /// Every way in which `value` differs from the schema called `name`; empty when it fits.
    pub fn check(&self, name: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.walk(self.names[name], value, &At::Root, &mut found);
        found.into_iter().map(|(_, text)| text).collect()
    }

    /// Top-level keys of `value` that the schema called `name` does not know. The specification leaves requests open,
    /// but the real service answers 400 to an argument that it does not recognise.
    pub fn unknown_keys(&self, name: &str, value: &Value) -> Vec<String> {
        let mut known = HashSet::new();
        self.keys(self.names[name], &mut known);
        let keys = value.as_object().into_iter().flat_map(Map::keys);
        keys.filter(|key| !known.contains(key.as_str()))
            .map(|key| format!("unknown argument `{key}`"))
            .collect()
    }

    fn keys<'a>(&'a self, index: usize, known: &mut HashSet<&'a str>) {
        let node = &self.nodes[index];
        known.extend(node.properties.keys().map(String::as_str));
        for &part in node.all.iter().chain(node.refer.iter()) {
            self.keys(part, known);
        }
    }

    fn add(&mut self, schema: &Value) -> usize {
        let node = self.compile(schema);
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn add_all(&mut self, list: &Value) -> Vec<usize> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|schema| self.add(schema))
            .collect()
    }

    fn compile(&mut self, schema: &Value) -> Node {
        let mut node = Node::default();
        for (keyword, value) in schema.as_object().expect("a schema is an object") {
            self.keyword(&mut node, keyword, value);
        }
        node
    }

    fn keyword(&mut self, node: &mut Node, keyword: &str, value: &Value) {
        match keyword {
            "$ref" => {
                node.refer = value
                    .as_str()
                    .and_then(|path| path.strip_prefix(PREFIX))
                    .map(|name| self.names[name])
            }
            "type" => match value {
                Value::Array(list) => {
                    node.types = list
                        .iter()
                        .filter_map(Value::as_str)
                        .map(String::from)
                        .collect()
                }
                one => node.types = one.as_str().map(String::from).into_iter().collect(),
            },
            "nullable" => node.nullable = value == true,
            "enum" => node.allowed = value.as_array().cloned(),
            "const" => node.allowed = Some(vec![value.clone()]),
            "required" => {
                node.required = value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(String::from)
                    .collect()
            }
            "properties" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    let index = self.add(schema);
                    node.properties.insert(name.clone(), index);
                }
            }
            "additionalProperties" => match value {
                Value::Bool(open) => node.closed = !open,
                schema => node.extra = Some(self.add(schema)),
            },
            "items" => node.items = Some(self.add(value)),
            "allOf" => node.all = self.add_all(value),
            "anyOf" | "oneOf" => {
                let members = self.add_all(value);
                node.any.push(members);
            }
            "minimum" => node.number.0 = value.as_f64(),
            "maximum" => node.number.1 = value.as_f64(),
            "minLength" => node.length.0 = value.as_u64(),
            "maxLength" => node.length.1 = value.as_u64(),
            "minItems" => node.count.0 = value.as_u64(),
            "maxItems" => node.count.1 = value.as_u64(),
            // `format` only comments on a type, and a discriminator only speeds up `oneOf`.
            "format" | "discriminator" => {}
            other => panic!("the schema keyword `{other}` is not understood"),
        }
    }

    fn walk(&self, index: usize, value: &Value, at: &At<'_>, found: &mut Vec<(usize, String)>) {
        let node = &self.nodes[index];
        if value.is_null() && node.nullable {
            return;
        }
        if !node.types.is_empty() && !node.types.iter().any(|kind| is_kind(kind, value)) {
            found.push((
                at.depth(),
                format!(
                    "{at}: {} expected, got {}",
                    node.types.join(" or "),
                    brief(value)
                ),
            ));
            return;
        }
        if let Some(allowed) = &node.allowed
            && !allowed.contains(value)
        {
            found.push((
                at.depth(),
                format!(
                    "{at}: {} is none of {}",
                    brief(value),
                    brief(&Value::Array(allowed.clone()))
                ),
            ));
        }
        for &part in node.all.iter().chain(node.refer.iter()) {
            self.walk(part, value, at, found);
        }
        for members in &node.any {
            self.any_of(members, value, at, found);
        }
        match value {
            Value::Object(map) => self.object(node, map, at, found),
            Value::Array(list) => self.array(node, list, at, found),
            Value::String(text) => outside(
                node.length,
                text.chars().count() as u64,
                " characters",
                at,
                found,
            ),
            Value::Number(number) => outside(
                node.number,
                number.as_f64().unwrap_or_default(),
                "",
                at,
                found,
            ),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// When no member fits, the complaint of the one that got furthest into the value is the helpful one.
    fn any_of(
        &self,
        members: &[usize],
        value: &Value,
        at: &At<'_>,
        found: &mut Vec<(usize, String)>,
    ) {
        let mut best: Option<Vec<(usize, String)>> = None;
        for &member in members {
            let mut complaints = Vec::new();
            self.walk(member, value, at, &mut complaints);
            if complaints.is_empty() {
                return;
            }
            let depth = |list: &[(usize, String)]| list.iter().map(|(depth, _)| *depth).max();
            if best
                .as_ref()
                .is_none_or(|known| depth(&complaints) > depth(known))
            {
                best = Some(complaints);
            }
        }
        found.extend(best.into_iter().flatten());
    }

    fn object(
        &self,
        node: &Node,
        map: &Map<String, Value>,
        at: &At<'_>,
        found: &mut Vec<(usize, String)>,
    ) {
        for name in node.required.iter().filter(|name| !map.contains_key(*name)) {
            found.push((at.depth(), format!("{at}: `{name}` is missing")));
        }
        for (name, value) in map {
            let at = At::Key(at, name);
            match (node.properties.get(name), node.extra) {
                (Some(&schema), _) | (None, Some(schema)) => self.walk(schema, value, &at, found),
                (None, None) if node.closed => {
                    found.push((at.depth(), format!("{at} is not allowed")))
                }
                (None, None) => {}
            }
        }
    }

    fn array(&self, node: &Node, list: &[Value], at: &At<'_>, found: &mut Vec<(usize, String)>) {
        outside(node.count, list.len() as u64, " entries", at, found);
        let Some(items) = node.items else { return };
        for (position, value) in list.iter().enumerate() {
            self.walk(items, value, &At::Index(at, position), found);
        }
    }
}

/// A place inside the checked value, kept on the stack: nothing is allocated while everything fits.
enum At<'a> {
    Root,
    Key(&'a At<'a>, &'a str),
    Index(&'a At<'a>, usize),
}

impl At<'_> {
    fn depth(&self) -> usize {
        match self {
            At::Root => 0,
            At::Key(parent, _) | At::Index(parent, _) => parent.depth() + 1,
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Root => write!(out, "$"),
            At::Key(parent, name) => write!(out, "{parent}.{name}"),
            At::Index(parent, position) => write!(out, "{parent}[{position}]"),
        }
    }
}

fn outside<N: PartialOrd + fmt::Display + Copy>(
    (least, most): (Option<N>, Option<N>),
    got: N,
    unit: &str,
    at: &At<'_>,
    found: &mut Vec<(usize, String)>,
) {
    if least.is_some_and(|least| got < least) || most.is_some_and(|most| got > most) {
        found.push((at.depth(), format!("{at}: {got}{unit} is out of range")));
    }
}

fn is_kind(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the schema type `{other}` is not understood"),
    }
}

fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
