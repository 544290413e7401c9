use toml::Value;

/// What a setting wants, in words, by a value of its kind.
pub(super) fn wanted(kind: &Value) -> &'static str {
    match kind {
        Value::Boolean(_) => "true or false",
        Value::Integer(_) => "a whole number from 0",
        Value::Float(_) => "a number",
        Value::Array(_) => "a list",
        Value::String(_) | Value::Datetime(_) => "text",
        Value::Table(_) => "a section",
    }
}

/// A text from the environment as a value of the wanted kind.
pub(super) fn parse(kind: &Value, text: &str) -> Option<Value> {
    let trimmed = text.trim();
    Some(match kind {
        Value::Boolean(_) => match trimmed.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Value::Boolean(true),
            "false" | "0" | "no" | "off" => Value::Boolean(false),
            _ => return None,
        },
        Value::Integer(_) => Value::Integer(trimmed.parse().ok().filter(|number| *number >= 0)?),
        Value::Float(_) => Value::Float(trimmed.parse().ok()?),
        Value::Array(_) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        Value::String(_) | Value::Datetime(_) | Value::Table(_) => {
            Value::String(trimmed.to_owned())
        }
    })
}

/// A value from a file as one of the wanted kind, where it can be taken for one.
pub(super) fn fit(kind: &Value, value: Value) -> Result<Value, Value> {
    match (kind, value) {
        (Value::Boolean(_), value @ Value::Boolean(_))
        | (Value::Float(_), value @ Value::Float(_))
        | (Value::String(_), value @ Value::String(_))
        // A setting may take a word or a number; its room says whether it does.
        | (Value::String(_), value @ Value::Integer(_)) => Ok(value),
        (Value::Integer(_), Value::Integer(number)) if number >= 0 => Ok(Value::Integer(number)),
        (Value::Float(_), Value::Integer(number)) => match i32::try_from(number) {
            Ok(small) => Ok(Value::Float(small.into())),
            Err(_) => Err(Value::Integer(number)),
        },
        (kind @ Value::Array(_), Value::String(text)) => {
            parse(kind, &text).ok_or(Value::String(text))
        }
        (Value::Array(_), Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                // Ids are long numbers, and everybody writes them without quotes.
                Value::Integer(number) => Ok(Value::String(number.to_string())),
                item @ Value::String(_) => Ok(item),
                item => Err(item),
            })
            .collect::<Result<_, _>>()
            .map(Value::Array),
        (_, value) => Err(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_of_the_wanted_kind() {
        let parse = |kind: Value, text| parse(&kind, text);
        let yes = Value::Boolean(true);
        assert_eq!(parse(yes.clone(), "1"), Some(yes.clone()));
        assert_eq!(parse(yes.clone(), "On"), Some(yes.clone()));
        assert_eq!(parse(yes.clone(), "false"), Some(Value::Boolean(false)));
        assert_eq!(parse(yes, "perhaps"), None);
        assert_eq!(parse(1.into(), " 20 "), Some(20.into()));
        assert_eq!(parse(1.into(), "-1"), None);
        assert_eq!(parse(1.into(), "many"), None);
        assert_eq!(parse("".into(), " x "), Some("x".into()));
        let list = parse(Value::Array(Vec::new()), "a, b,,");
        assert_eq!(list, Some(Value::Array(vec!["a".into(), "b".into()])));
    }

    #[test]
    fn a_file_may_write_ids_as_numbers() {
        let list = Value::Array(Vec::new());
        let ids = Value::Array(vec![12.into()]);
        assert_eq!(fit(&list, ids), Ok(Value::Array(vec!["12".into()])));
        assert_eq!(
            fit(&list, "a,b".into()),
            Ok(Value::Array(vec!["a".into(), "b".into()]))
        );
        assert_eq!(fit(&"auto".into(), 2.into()), Ok(2.into()));
        assert!(fit(&1.into(), "2".into()).is_err());
        assert!(fit(&true.into(), 1.into()).is_err());
    }
}
