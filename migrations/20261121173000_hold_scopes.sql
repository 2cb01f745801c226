-- What a hold stops beside the lines that it was placed on, and disputes as its cause.

alter table holds add column scope text not null default 'lines' check (scope in ('lines', 'sale', 'enrollment'));
-- Whose lines it stops, by scope `sale`.
alter table holds add column sale_id uuid references sales (id);
-- Stripe's dispute (`dp_…`) that it waits for: each stops an enrollment's lines once.
alter table holds add column dispute_id text;
alter table holds add constraint holds_sale_check check (scope <> 'sale' or sale_id is not null);
-- `ended`: what it waited for ended by itself, without taking anything from the affiliate.
alter table holds drop constraint holds_status_check;
alter table holds add constraint holds_status_check check (status in ('open', 'approved', 'rejected', 'ended'));

create unique index holds_dispute_key on holds (dispute_id, enrollment_id) where dispute_id is not null;
-- What stops a new line.
create index holds_open_scope_idx on holds (enrollment_id) where status = 'open' and scope <> 'lines';

-- Until now a hold by hand was placed on all that was unpaid.
update holds set scope = 'enrollment' where reason_kind = 'manual' and status = 'open';
