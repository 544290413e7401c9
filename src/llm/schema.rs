//! A JSON schema that is written once, however often it is counted, compared and sent.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A JSON schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema(Arc<(Value, String)>);

impl Schema {
    /// As JSON.
    pub fn value(&self) -> &Value {
        &self.0.0
    }

    /// As a text.
    pub fn text(&self) -> &str {
        &self.0.1
    }
}

impl From<Value> for Schema {
    fn from(value: Value) -> Self {
        let text = value.to_string();
        Self(Arc::new((value, text)))
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
