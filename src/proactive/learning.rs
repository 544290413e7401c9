//! Works out once a day how those write who wrote since, so that an answer finds it ready.

use std::time::Duration;

use async_trait::async_trait;

use crate::memory::habits::learn;
use crate::model::Time;
use crate::store::{Seat, Store};

use super::{Sight, Watched};

const DAY: Duration = Duration::from_secs(86_400);

/// Works out how people write.
pub struct Learning(pub Store);

#[async_trait]
impl Watched for Learning {
    fn kind(&self) -> &'static str {
        "habits"
    }

    async fn watch(&self, seat: &Seat, now: Time) -> anyhow::Result<Sight> {
        let person = seat.person;
        let again = Some(now.plus(DAY));
        let kept = self.0.habits(person).await?;
        if !seat.keeps_facts || seat.last <= kept.computed {
            return Ok(Sight {
                again,
                ..Sight::default()
            });
        }
        let learnt = learn(&self.0, person, (&seat.zone, now)).await?;
        Ok(Sight {
            impulse: None,
            writes: vec![learnt.kept(now)?],
            again,
        })
    }
}
