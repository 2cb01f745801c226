-- What was weighed for a sale is kept with it, and a lead tells what a person said of it from what a sale taught it.

-- Everything that was weighed, credited or passed over; and whether an earlier sale of the buyer decided.
alter table conversions
    add column considered jsonb not null default '[]',
    add column inherited boolean not null default false;

-- For a sale without a conversion: why each piece of evidence was passed over; and who brought a buyer that paid nothing yet.
alter table sales
    add column considered jsonb not null default '[]',
    add column brought_by uuid references enrollments (id),
    add column brought_campaign uuid references campaigns (id);

-- `customer_by_hand`: a person set the customer id, so it names the affiliate by itself from `customer_id_set_at` on. One
-- that was learnt from a sale doesn't: the sale does. `email_plain` is the address without its +tag.
alter table leads
    add column customer_by_hand boolean not null default false,
    add column email_plain text generated always as (regexp_replace(email, '\+[^@]*@', '@')) stored;
update leads set customer_by_hand = true where source <> 'sale' and stripe_customer_id is not null;
create index leads_email_plain_idx on leads (email_plain);
