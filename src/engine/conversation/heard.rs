//! What one connection has received of one stream: by the numbers it is seen what is missing, double, or out of order.
//!
//! Owns a window over the last 64 numbers. Refuses clocks and sums. The first number that comes sets the beginning; a number that has
//! fallen out of the window without having come is lost.

use crate::measure::connections::Arrived;

/// How many numbers back it is known which ones came.
const WINDOW: u64 = 64;

/// What was received of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// One more than the highest number that came; zero before the first.
    next: u64,
    /// Bit `i` stands for the number `next - 1 - i`, and says that it is not awaited: it came, or lies before the beginning.
    settled: u64,
    /// The numbers before the beginning; while none has come, those before the connection.
    before: u64,
}

/// Numbers that are lost, the first and the one after the last.
pub(super) type Lost = (u64, u64);

impl Heard {
    /// Of a connection that opens when so many numbers have been given.
    pub(super) fn from(published: u64) -> Self {
        Self { before: published, ..Self::default() }
    }

    /// Whether nothing at all has come, though something should have: of two numbers that were given meanwhile the first may have been under way
    /// before the other side knew of the connection, and the last may still be.
    pub(super) const fn is_silent(&self, published: u64) -> bool {
        self.next == 0 && published > self.before.saturating_add(2)
    }

    /// A number has come; what it is, and each number that it gives up for lost. `published` numbers have been given so far.
    pub(super) fn on_number(&mut self, number: u64, published: u64, mut lose: impl FnMut(Lost)) -> Arrived {
        if number >= published {
            return Arrived::Unknown;
        }
        if self.next == 0 {
            *self = Self { next: number + 1, settled: u64::MAX, before: number };
            return Arrived::InOrder;
        }
        if number >= self.next {
            let steps = number + 1 - self.next;
            self.fall_out(steps, &mut lose);
            self.settled = if steps >= WINDOW { 1 } else { self.settled << steps | 1 };
            self.next = number + 1;
            return Arrived::InOrder;
        }
        let back = self.next - 1 - number;
        if number < self.before || back >= WINDOW || self.settled >> back & 1 == 1 {
            return Arrived::Again;
        }
        self.settled |= 1 << back;
        Arrived::OutOfOrder
    }

    /// The connection has ended: what it had not received of `published` numbers.
    pub(super) fn end(&mut self, published: u64, mut lose: impl FnMut(Lost)) {
        if self.next == 0 {
            return;
        }
        self.fall_out(WINDOW, &mut lose);
        if published > self.next {
            lose((self.next, published));
        }
        *self = Self::default();
    }

    /// Whether all of them have come, or none is awaited as none ever came.
    pub(super) const fn is_complete(&self, published: u64) -> bool {
        self.next == 0 || (self.next >= published && self.settled == u64::MAX)
    }

    /// The window moves on by so many numbers: those that leave it without having come are lost, and so are those that were never in it.
    fn fall_out(&self, steps: u64, lose: &mut impl FnMut(Lost)) {
        let leaving = steps.min(WINDOW);
        for back in (WINDOW - leaving..WINDOW).rev() {
            if self.settled >> back & 1 == 0 {
                let number = self.next - 1 - back;
                lose((number, number + 1));
            }
        }
        if steps > WINDOW {
            lose((self.next, self.next + steps - WINDOW));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(numbers: &[u64], published: u64) -> (Vec<Arrived>, Vec<u64>) {
        let (mut heard, mut lost) = (Heard::default(), Vec::new());
        let arrived = numbers.iter().map(|n| heard.on_number(*n, published, |(from, to)| lost.extend(from..to))).collect();
        heard.end(published, |(from, to)| lost.extend(from..to));
        (arrived, lost)
    }

    #[test]
    fn gaps_doubles_and_swaps_have_their_names() {
        use Arrived::{Again, InOrder, OutOfOrder, Unknown};
        assert_eq!(
            all(&[4, 5, 7, 6, 6, 9, 99], 10),
            (vec![InOrder, InOrder, InOrder, OutOfOrder, Again, InOrder, Unknown], vec![8])
        );
        assert_eq!(all(&[4, 3], 6), (vec![InOrder, Again], vec![5]));
        assert_eq!(all(&[], 10), (vec![], vec![]));
    }

    #[test]
    fn who_hears_nothing_of_three_numbers_is_silent() {
        let mut heard = Heard::from(7);
        assert!(!heard.is_silent(7) && !heard.is_silent(9) && heard.is_silent(10));
        assert_eq!(heard.on_number(9, 10, |_| ()), Arrived::InOrder);
        assert!(!heard.is_silent(100));
    }

    #[test]
    fn a_number_is_lost_when_sixty_four_later_ones_have_come() {
        let numbers: Vec<u64> = (0..2).chain(3..80).collect();
        assert_eq!(all(&numbers, 80).1, [2]);
        assert_eq!(all(&[0, 200], 201).1, (1..200).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn each_number_from_the_first_on_is_delivered_once_or_lost_once(numbers in proptest::collection::vec(0_u64..300, 1..200)) {
            let (arrived, mut lost) = all(&numbers, 300);
            let came = numbers.iter().zip(&arrived).filter(|(_, it)| matches!(it, Arrived::InOrder | Arrived::OutOfOrder));
            lost.extend(came.map(|(number, _)| *number));
            lost.sort_unstable();
            prop_assert!(lost.into_iter().eq(numbers[0]..300));
        }
    }
}
