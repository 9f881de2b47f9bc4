//! Typed ids, clock, calendars, limits and the table of error codes.
