//! The activities of an order: a shop that keeps its state in memory, until its host ends.

use guest_sdk::activities;
use guest_sdk::activities::{ActivityContext, ActivityError};

#[cfg(not(target_family = "wasm"))]
use shop::Shop;

use crate::Item;

/// One instance serves all invocations.
#[derive(Debug, Default)]
pub struct OrderActivities {
    #[cfg(not(target_family = "wasm"))]
    shop: Shop,
}

#[activities]
impl OrderActivities {
    /// Reserves an item and returns the reservation. The article `nothing` is never in stock.
    #[activity]
    pub async fn reserve(
        self: std::sync::Arc<Self>,
        order: String,
        item: Item,
    ) -> Result<String, ActivityError> {
        if item.sku == "nothing" {
            return Err(refuse("OutOfStock", format!("there is no {}", item.sku)));
        }
        let reservation = format!("{order}/{}x{}", item.quantity, item.sku);
        self.shop.reserve(&reservation);
        Ok(reservation)
    }

    /// Cancels a reservation.
    #[activity]
    pub async fn release(self: std::sync::Arc<Self>, reservation: String) -> Result<(), ActivityError> {
        self.shop.release(&reservation);
        Ok(())
    }

    /// Charges a card. The first two attempts fail, as if the bank were not reachable.
    #[activity]
    pub async fn charge(
        self: std::sync::Arc<Self>,
        ctx: ActivityContext,
        order: String,
        card: String,
        cents: u64,
    ) -> Result<(), ActivityError> {
        if card == "declined" {
            return Err(refuse("CardDeclined", "the bank says no".to_owned()));
        }
        if ctx.info().attempt < 3 {
            return Err(std::io::Error::other("the bank does not answer").into());
        }
        self.shop.charge(&order, cents);
        Ok(())
    }

    /// Refunds a charge.
    #[activity]
    pub async fn refund(self: std::sync::Arc<Self>, order: String, cents: u64) -> Result<(), ActivityError> {
        self.shop.refund(&order, cents);
        Ok(())
    }

    /// Ships the parcel and returns its tracking number. It is no async function, so it runs in the thread
    /// pool.
    #[activity]
    pub fn ship(order: String, reservations: Vec<String>) -> Result<String, ActivityError> {
        Ok(format!("parcel-{order}-{}", reservations.len()))
    }
}

/// A failure that is not retried.
#[cfg(not(target_family = "wasm"))]
fn refuse(error_type: &str, message: String) -> ActivityError {
    guest_sdk::Failure::application(error_type, message).non_retryable().build().into()
}

#[cfg(not(target_family = "wasm"))]
mod shop {
    //! The state of the shop. Its sets and maps are keyed, so that a repeated call has no second effect.

    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    #[derive(Debug, Default)]
    pub(super) struct Shop(Mutex<Books>);

    #[derive(Debug, Default)]
    struct Books {
        reserved: BTreeSet<String>,
        charged: BTreeMap<String, u64>,
    }

    impl Shop {
        pub(super) fn reserve(&self, reservation: &str) {
            self.books().reserved.insert(reservation.to_owned());
        }

        pub(super) fn release(&self, reservation: &str) {
            self.books().reserved.remove(reservation);
        }

        pub(super) fn charge(&self, order: &str, cents: u64) {
            self.books().charged.insert(order.to_owned(), cents);
        }

        pub(super) fn refund(&self, order: &str, cents: u64) {
            let mut books = self.books();
            if books.charged.get(order) == Some(&cents) {
                books.charged.remove(order);
            }
        }

        fn books(&self) -> MutexGuard<'_, Books> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }
}
