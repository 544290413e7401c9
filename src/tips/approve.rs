//! Whether a payment that somebody is about to make is taken.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::{Money, phrases};
use crate::platform::{Cashier, Checkout};
use crate::store::{Store, ToPay};

use super::ask_id;

/// The platform breaks the payment off after ten seconds; whoever pays should not wait for one.
const PATIENCE: Duration = Duration::from_millis(800);

/// Approves payments by one look into the store.
pub struct Till {
    /// What was asked for.
    pub store: Store,
}

#[async_trait]
impl Cashier for Till {
    async fn approve(&self, checkout: &Checkout) -> Result<(), String> {
        let Some(ask) = ask_id(&checkout.payload) else {
            return Err(phrases::TIP_UNKNOWN.to_owned());
        };
        match tokio::time::timeout(PATIENCE, self.store.tip_to_pay(ask)).await {
            Ok(Ok(asked)) => judge(asked, checkout),
            // Rather no payment than one of which nobody knows.
            Ok(Err(_)) | Err(_) => Err(phrases::TILL_AWAY.to_owned()),
        }
    }
}

fn judge(asked: Option<ToPay>, checkout: &Checkout) -> Result<(), String> {
    let Some(asked) = asked else {
        return Err(phrases::TIP_UNKNOWN.to_owned());
    };
    let ToPay {
        minor,
        currency,
        is_open,
        is_paid,
    } = asked;
    if is_paid {
        return Err(phrases::TIP_PAID.to_owned());
    }
    if !is_open {
        return Err(phrases::JAR_CLOSED.to_owned());
    }
    let Some(currency) = currency else {
        return Err(phrases::TIP_UNKNOWN.to_owned());
    };
    if minor != checkout.amount || checkout.currency != currency.code() {
        return Err(phrases::tip_changed(Money { minor, currency }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Currency, User};

    #[test]
    fn only_what_was_asked_for_is_taken() {
        let asked = ToPay {
            minor: 50,
            currency: Some(Currency::STARS),
            is_open: true,
            is_paid: false,
        };
        let checkout = |amount, currency: &str| Checkout {
            payer: User::new(1),
            amount,
            currency: currency.to_owned(),
            payload: String::new(),
        };
        let fine = checkout(50, "XTR");
        assert_eq!(judge(Some(asked), &fine), Ok(()));
        let refused = |asked, checkout: &Checkout| judge(asked, checkout).unwrap_err();
        assert_eq!(refused(None, &fine), phrases::TIP_UNKNOWN);
        let closed = ToPay {
            is_open: false,
            ..asked
        };
        assert_eq!(refused(Some(closed), &fine), phrases::JAR_CLOSED);
        let paid = ToPay {
            is_paid: true,
            ..asked
        };
        assert_eq!(refused(Some(paid), &fine), phrases::TIP_PAID);
        for changed in [
            checkout(5, "XTR"),
            checkout(50, "USD"),
            checkout(-50, "XTR"),
        ] {
            assert!(refused(Some(asked), &changed).contains("50 Stars"));
        }
    }
}
