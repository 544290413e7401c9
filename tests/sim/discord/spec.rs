//! The official REST specification, and the check of bodies against it.
//!
//! `openapi.subset.json` is Discord's own v10 specification (`specs/openapi.json` of
//! discord/discord-api-spec, MIT, see LICENSE), cut to the paths that the simulator serves and the
//! schemas they reach, without descriptions. The check is stricter than the schema language asks for: a property
//! that the schema does not name is an error, because a misspelt property is a silent bug.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

/// One thing that is wrong with a body: where (`components.0.type`), Discord's code, and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub at: String,
    pub code: &'static str,
    pub message: String,
}

impl Fault {
    pub fn new(at: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            at: at.into(),
            code,
            message: message.into(),
        }
    }
}

/// One operation of the specification.
pub struct Operation {
    pub id: String,
    pub method: String,
    /// The path with its placeholders, for example `/channels/{channel_id}/messages`.
    pub template: String,
    segments: Vec<Option<String>>,
    body: Option<Value>,
    query: HashMap<String, Value>,
    responses: HashMap<String, Option<Value>>,
}

pub struct Spec {
    schemas: serde_json::Map<String, Value>,
    operations: Vec<Operation>,
}

/// The specification, read once per process.
pub fn spec() -> &'static Spec {
    static SPEC: OnceLock<Spec> = OnceLock::new();
    SPEC.get_or_init(|| Spec::read(include_str!("openapi.subset.json")))
}

impl Spec {
    fn read(text: &str) -> Self {
        let mut all: Value = serde_json::from_str(text).expect("the specification is JSON");
        let Value::Object(schemas) = all["components"]["schemas"].take() else {
            panic!("the specification has schemas");
        };
        let mut operations = Vec::new();
        for (template, methods) in all["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                operations.push(Operation::read(template, method, operation));
            }
        }
        // Fixed segments win over placeholders: `/users/@me` is not `/users/{user_id}`.
        operations.sort_by_key(|o| o.segments.iter().filter(|s| s.is_none()).count());
        Self {
            schemas,
            operations,
        }
    }

    /// The operation of a request, with the values of its placeholders in order.
    pub fn find<'p>(&self, method: &str, path: &'p str) -> Option<(&Operation, Vec<&'p str>)> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        self.operations
            .iter()
            .filter(|o| o.method == method)
            .find_map(|o| Some((o, o.matches(&parts)?)))
    }

    /// Whether any method is known for this path (405 instead of 404).
    pub fn knows_path(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        self.operations.iter().any(|o| o.matches(&parts).is_some())
    }

    pub fn check_query(
        &self,
        operation: &Operation,
        query: &HashMap<String, String>,
    ) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (name, text) in query {
            let Some(schema) = operation.query.get(name) else {
                faults.push(Fault::new(
                    name,
                    "UNKNOWN_PARAMETER",
                    "Unknown query parameter.",
                ));
                continue;
            };
            let numeric = self.resolve(schema)["type"] == "integer";
            let value = match (numeric, text.parse::<i64>(), text.as_str()) {
                (true, Ok(n), _) => json!(n),
                (false, _, "true") => json!(true),
                (false, _, "false") => json!(false),
                _ => json!(text),
            };
            self.check(schema, &value, name, &mut faults);
        }
        faults
    }

    pub fn check_body(&self, operation: &Operation, body: Option<&Value>) -> Vec<Fault> {
        let mut faults = Vec::new();
        match (&operation.body, body) {
            (Some(schema), Some(body)) => self.check(schema, body, "", &mut faults),
            (Some(_), None) => {
                faults.push(Fault::new("", "BASE_TYPE_REQUIRED", "A body is required"))
            }
            (None, Some(body)) if !body.is_null() => {
                faults.push(Fault::new(
                    "",
                    "UNEXPECTED_BODY",
                    "This operation takes no body",
                ));
            }
            (None, _) => {}
        }
        faults
    }

    /// What is wrong with an answer of the simulator itself.
    pub fn check_response(&self, operation: &Operation, status: u16, body: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        match operation.responses.get(&status.to_string()) {
            Some(Some(schema)) => self.check(schema, body, "", &mut faults),
            Some(None) if body.is_null() => {}
            Some(None) => faults.push(Fault::new("", "UNEXPECTED_BODY", "no body belongs here")),
            None if status >= 400 => {
                let named = body["code"].is_u64() && body["message"].is_string();
                if !named && status < 500 && status != 429 {
                    faults.push(Fault::new(
                        "",
                        "ERROR_SHAPE",
                        "code and message are required",
                    ));
                }
            }
            None => faults.push(Fault::new(
                "",
                "STATUS",
                format!("{status} is not an answer of this operation"),
            )),
        }
        faults
    }

    /// What is wrong with a value by the name of its schema.
    pub fn check_named(&self, name: &str, value: &Value) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.check(&self.schemas[name], value, "", &mut faults);
        faults
    }

    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema["$ref"].as_str().and_then(|r| r.rsplit('/').next()) {
            Some(name) => self.resolve(&self.schemas[name]),
            None => schema,
        }
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, out: &mut Vec<Fault>) {
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            // `allOf` only refines here; unnamed properties are judged by the whole.
            let mut inner = Vec::new();
            self.check(part, value, at, &mut inner);
            out.extend(inner.into_iter().filter(|f| f.code != UNKNOWN));
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(choices) = schema[word].as_array() {
                self.check_choice(choices, value, at, out);
            }
        }
        if let Some(expected) = schema.get("const")
            && !same(expected, value)
        {
            out.push(Fault::new(
                at,
                "BASE_TYPE_CHOICES",
                format!("Value must be {expected}."),
            ));
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.iter().any(|c| same(c, value))
        {
            out.push(Fault::new(
                at,
                "BASE_TYPE_CHOICES",
                format!("Value must be one of {choices:?}."),
            ));
        }
        if !self.type_fits(schema, value) {
            let wanted = schema["type"].to_string();
            out.push(Fault::new(
                at,
                "BASE_TYPE_BAD_TYPE",
                format!("{wanted} expected, got {}", brief(value)),
            ));
            return;
        }
        match value {
            Value::Object(map) => self.check_object(schema, map, at, out),
            Value::Array(items) => self.check_array(schema, items, at, out),
            Value::String(text) => check_text(schema, text, at, out),
            Value::Number(number) => check_number(schema, number, at, out),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn type_fits(&self, schema: &Value, value: &Value) -> bool {
        let fits = |name: &str| match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            // Discord reads snowflakes sent as numbers, and libraries rely on it.
            "string" => value.is_string() || (schema["format"] == "snowflake" && value.is_u64()),
            "integer" => {
                value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|f| f.fract() == 0.0)
            }
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "null" => value.is_null(),
            _ => false,
        };
        match &schema["type"] {
            Value::String(name) => fits(name),
            Value::Array(names) => names.iter().filter_map(Value::as_str).any(fits),
            _ => true,
        }
    }

    fn check_choice(&self, choices: &[Value], value: &Value, at: &str, out: &mut Vec<Fault>) {
        let mut best: Option<Vec<Fault>> = None;
        for choice in choices {
            let mut inner = Vec::new();
            self.check(choice, value, at, &mut inner);
            if inner.is_empty() {
                return;
            }
            // The variant that the discriminator picks tells best what is wrong.
            let picked = !inner.iter().any(|f| f.at == join(at, "type") || f.at == at);
            let better = best.as_ref().is_none_or(|b| inner.len() < b.len());
            if picked || (best.is_none() || better) {
                let stop = picked;
                best = Some(inner);
                if stop {
                    break;
                }
            }
        }
        out.extend(best.unwrap_or_default());
    }

    fn check_object(
        &self,
        schema: &Value,
        map: &serde_json::Map<String, Value>,
        at: &str,
        out: &mut Vec<Fault>,
    ) {
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            if !map.contains_key(name) {
                out.push(Fault::new(
                    join(at, name),
                    "BASE_TYPE_REQUIRED",
                    "This field is required",
                ));
            }
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, value) in map {
            match properties.get(name) {
                Some(property) => self.check(property, value, &join(at, name), out),
                None if DOCUMENTED.contains(&name.as_str()) => {}
                None => out.push(Fault::new(
                    join(at, name),
                    UNKNOWN,
                    "This property does not exist.",
                )),
            }
        }
    }

    fn check_array(&self, schema: &Value, items: &[Value], at: &str, out: &mut Vec<Fault>) {
        let count = items.len() as u64;
        if schema["minItems"].as_u64().is_some_and(|n| count < n)
            || schema["maxItems"].as_u64().is_some_and(|n| count > n)
        {
            let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
            let least = schema["minItems"].as_u64().unwrap_or(0);
            out.push(Fault::new(
                at,
                "BASE_TYPE_BAD_LENGTH",
                format!("Must be between {least} and {most} in length."),
            ));
        }
        if !schema["items"].is_null() {
            for (index, item) in items.iter().enumerate() {
                self.check(&schema["items"], item, &join(at, &index.to_string()), out);
            }
        }
    }
}

/// Properties of requests that Discord documents and takes but that the specification leaves out:
/// the age restriction of a command.
const DOCUMENTED: [&str; 1] = ["nsfw"];

const UNKNOWN: &str = "UNKNOWN_PROPERTY";

impl Operation {
    fn read(template: &str, method: &str, operation: &Value) -> Self {
        let segments = template.split('/').skip(1);
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let content = |v: &Value| v["content"]["application/json"].get("schema").cloned();
        let responses = operation["responses"].as_object().into_iter().flatten();
        Self {
            id: operation["operationId"]
                .as_str()
                .expect("operationId")
                .to_owned(),
            method: method.to_ascii_uppercase(),
            template: template.to_owned(),
            segments: segments
                .map(|s| (!s.starts_with('{')).then(|| s.to_owned()))
                .collect(),
            body: content(&operation["requestBody"]),
            query: parameters
                .filter(|p| p["in"] == "query")
                .map(|p| {
                    (
                        p["name"].as_str().unwrap_or_default().to_owned(),
                        p["schema"].clone(),
                    )
                })
                .collect(),
            responses: responses
                .map(|(code, r)| (code.clone(), content(r)))
                .collect(),
        }
    }

    /// `POST /channels/{channel_id}/messages`
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.template)
    }

    fn matches<'p>(&self, parts: &[&'p str]) -> Option<Vec<&'p str>> {
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut values = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Some(fixed) if fixed == part => {}
                None if !part.is_empty() => values.push(*part),
                _ => return None,
            }
        }
        Some(values)
    }
}

/// Discord's tree of errors: `{"content":{"_errors":[{"code":…,"message":…}]}}`.
pub fn tree(faults: &[Fault]) -> Value {
    let mut root = json!({});
    for fault in faults {
        let mut node = &mut root;
        for part in fault.at.split('.').filter(|p| !p.is_empty()) {
            node = &mut node[part];
        }
        if node["_errors"].is_null() {
            node["_errors"] = json!([]);
        }
        if let Some(list) = node["_errors"].as_array_mut() {
            list.push(json!({"code": fault.code, "message": fault.message}));
        }
    }
    root
}

fn check_text(schema: &Value, text: &str, at: &str, out: &mut Vec<Fault>) {
    let count = text.chars().count() as u64;
    if let Some(most) = schema["maxLength"].as_u64().filter(|n| count > *n) {
        out.push(Fault::new(
            at,
            "BASE_TYPE_MAX_LENGTH",
            format!("Must be {most} or fewer in length."),
        ));
    }
    if let Some(least) = schema["minLength"].as_u64().filter(|n| count < *n) {
        out.push(Fault::new(
            at,
            "BASE_TYPE_MIN_LENGTH",
            format!("Must be {least} or more in length."),
        ));
    }
    if schema["format"] == "snowflake"
        && (text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()))
    {
        out.push(Fault::new(
            at,
            "NUMBER_TYPE_COERCE",
            format!("Value \"{text}\" is not snowflake."),
        ));
    }
}

fn check_number(schema: &Value, number: &serde_json::Number, at: &str, out: &mut Vec<Fault>) {
    let value = number.as_f64().unwrap_or(0.0);
    if let Some(least) = schema["minimum"].as_f64().filter(|n| value < *n) {
        out.push(Fault::new(
            at,
            "NUMBER_TYPE_MIN",
            format!("int value should be greater than or equal to {least}."),
        ));
    }
    if let Some(most) = schema["maximum"].as_f64().filter(|n| value > *n) {
        out.push(Fault::new(
            at,
            "NUMBER_TYPE_MAX",
            format!("int value should be less than or equal to {most}."),
        ));
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.as_f64(), b.as_f64()), (Some(x), Some(y)) if (x - y).abs() < f64::EPSILON)
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

fn brief(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}
