//! The machine-readable Bot API (`api.json`, see `NOTICE`), compiled once into tables, and the
//! check of every request, answer and update against it.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Map, Value};

const TEXT: &str = include_str!("api.json");

/// The kind of value a field may hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ty {
    Integer,
    Float,
    Boolean,
    Str,
    File,
    Array(Box<Ty>),
    Object(usize),
    /// A type that the trimmed file does not describe; nothing is checked below it.
    Opaque,
}

#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) types: Vec<Ty>,
    pub(super) required: bool,
}

#[derive(Debug, Default)]
pub(super) struct Shape {
    name: String,
    fields: Vec<Field>,
    by_name: HashMap<String, usize>,
    subtypes: Vec<Ty>,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    params: Shape,
    returns: Vec<Ty>,
}

impl Method {
    /// The parameter called `name`, if the method has one.
    pub(super) fn param(&self, name: &str) -> Option<&Field> {
        self.params
            .by_name
            .get(name)
            .map(|i| &self.params.fields[*i])
    }
}

#[derive(Debug)]
pub(super) struct Spec {
    methods: HashMap<String, Method>,
    types: Vec<Shape>,
    update: usize,
}

/// The tables, built at the first use.
pub(super) fn spec() -> &'static Spec {
    static SPEC: OnceLock<Spec> = OnceLock::new();
    SPEC.get_or_init(|| Spec::parse(&serde_json::from_str(TEXT).expect("api.json is JSON")))
}

impl Spec {
    fn parse(root: &Value) -> Self {
        let described = root["types"].as_object().expect("types");
        let index: HashMap<&str, usize> = described
            .keys()
            .enumerate()
            .map(|(i, name)| (name.as_str(), i))
            .collect();
        let types = described
            .iter()
            .map(|(name, entry)| Shape::parse(name, entry, &index))
            .collect();
        let methods = root["methods"].as_object().expect("methods");
        let methods = methods
            .iter()
            .map(|(name, entry)| {
                let method = Method {
                    name: name.clone(),
                    params: Shape::parse(name, entry, &index),
                    returns: tys(&entry["returns"], &index),
                };
                (name.to_ascii_lowercase(), method)
            })
            .collect();
        Self {
            methods,
            update: index["Update"],
            types,
        }
    }

    /// Finds a method without regard to case, as the real server does.
    pub(super) fn method(&self, name: &str) -> Option<&Method> {
        self.methods.get(&name.to_ascii_lowercase())
    }

    /// Checks the parameters of a call: unknown, missing and wrongly typed ones.
    pub(super) fn check_call(
        &self,
        method: &Method,
        params: &Map<String, Value>,
    ) -> Result<(), String> {
        self.check_fields(&method.params, params)
            .map_err(|e| format!("{}: {e}", method.name))
    }

    /// Checks an answer the simulator is about to give.
    pub(super) fn check_answer(&self, method: &Method, result: &Value) -> Result<(), String> {
        self.check_any(&method.returns, result)
            .map_err(|e| format!("answer of {}: {e}", method.name))
    }

    /// Checks an update the simulator is about to hand out.
    pub(super) fn check_update(&self, update: &Value) -> Result<(), String> {
        self.check(&Ty::Object(self.update), update)
            .map_err(|e| format!("update: {e}"))
    }

    fn check_fields(&self, shape: &Shape, map: &Map<String, Value>) -> Result<(), String> {
        for (key, value) in map {
            let Some(at) = shape.by_name.get(key) else {
                return Err(format!("{key} is unknown to {}", shape.name));
            };
            self.check_any(&shape.fields[*at].types, value)
                .map_err(|e| format!("{key}: {e}"))?;
        }
        match shape
            .fields
            .iter()
            .find(|f| f.required && !map.contains_key(&f.name))
        {
            Some(missing) => Err(format!("{} of {} is missing", missing.name, shape.name)),
            None => Ok(()),
        }
    }

    pub(super) fn check_any(&self, types: &[Ty], value: &Value) -> Result<(), String> {
        let mut first = Ok(());
        for ty in types {
            match self.check(ty, value) {
                Ok(()) => return Ok(()),
                Err(e) if first.is_ok() => first = Err(e),
                Err(_) => {}
            }
        }
        first
    }

    fn check(&self, ty: &Ty, value: &Value) -> Result<(), String> {
        let fits = match ty {
            Ty::Integer => value.is_i64() || value.is_u64(),
            Ty::Float => value.is_number(),
            Ty::Boolean => value.is_boolean(),
            Ty::Str | Ty::File => value.is_string(),
            Ty::Opaque => true,
            Ty::Array(inner) => {
                let Some(items) = value.as_array() else {
                    return Err(format!("{} is no array", brief(value)));
                };
                for (i, item) in items.iter().enumerate() {
                    self.check(inner, item).map_err(|e| format!("[{i}] {e}"))?;
                }
                true
            }
            Ty::Object(at) => return self.check_object(&self.types[*at], value),
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{} is no {ty:?}", brief(value)))
        }
    }

    fn check_object(&self, shape: &Shape, value: &Value) -> Result<(), String> {
        if !shape.subtypes.is_empty() {
            return self.check_any(&shape.subtypes, value);
        }
        match value.as_object() {
            Some(map) => self.check_fields(shape, map),
            None => Err(format!("{} is no {}", brief(value), shape.name)),
        }
    }
}

impl Shape {
    fn parse(name: &str, entry: &Value, index: &HashMap<&str, usize>) -> Self {
        let fields: Vec<Field> = entry["fields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|f| Field {
                name: f[0].as_str().expect("name").to_owned(),
                types: tys(&f[1], index),
                required: f[2].as_bool().expect("required"),
            })
            .collect();
        let by_name = fields
            .iter()
            .enumerate()
            .map(|(i, f)| (f.name.clone(), i))
            .collect();
        let subtypes = tys(&entry["subtypes"], index);
        Self {
            name: name.to_owned(),
            fields,
            by_name,
            subtypes,
        }
    }
}

fn tys(names: &Value, index: &HashMap<&str, usize>) -> Vec<Ty> {
    let names = names.as_array().into_iter().flatten();
    names
        .map(|n| ty(n.as_str().expect("type name"), index))
        .collect()
}

fn ty(name: &str, index: &HashMap<&str, usize>) -> Ty {
    if let Some(inner) = name.strip_prefix("Array of ") {
        return Ty::Array(Box::new(ty(inner, index)));
    }
    match name {
        "Integer" => Ty::Integer,
        "Float" => Ty::Float,
        "Boolean" => Ty::Boolean,
        "String" => Ty::Str,
        "InputFile" => Ty::File,
        _ => index.get(name).map_or(Ty::Opaque, |at| Ty::Object(*at)),
    }
}

fn brief(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}
