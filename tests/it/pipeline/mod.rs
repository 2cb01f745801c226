mod attribution;
mod backfill;
mod inbox;
mod one_sale;
mod payouts;
mod products;
mod target;
mod wire;
