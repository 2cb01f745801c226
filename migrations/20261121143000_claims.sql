-- Claims: an affiliate says that a purchase is theirs; an admin credits it, or says why not.

create table claims (
    id uuid primary key,
    affiliate_id uuid not null references affiliates (id),
    email text check (email = lower(email)),
    -- An id at Stripe, a customer, a subscription or an order number, as the affiliate gave it.
    reference text,
    bought_on date not null,
    note text not null default '',
    status text not null check (status in ('open', 'accepted', 'declined')),
    sale_id uuid references sales (id),
    created_at timestamptz not null,
    decided_at timestamptz,
    decided_by text,
    decision_reason text,
    constraint claims_identity_check check (email is not null or reference is not null),
    constraint claims_decided_check check ((status = 'open') = (decided_at is null)),
    constraint claims_accepted_check check ((status = 'accepted') = (sale_id is not null)),
    constraint claims_declined_check check (status <> 'declined' or decision_reason is not null)
);
-- One open claim of one purchase: the reference names it, else the customer and the day.
create unique index claims_open_reference_key on claims (affiliate_id, lower(reference))
    where status = 'open' and reference is not null;
create unique index claims_open_purchase_key on claims (affiliate_id, email, bought_on)
    where status = 'open' and reference is null;
create index claims_affiliate_idx on claims (affiliate_id, id desc);
create index claims_open_idx on claims (id desc) where status = 'open';
create index claims_sale_idx on claims (sale_id) where sale_id is not null;
