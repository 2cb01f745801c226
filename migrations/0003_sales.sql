-- What happened in Stripe and who is credited: inbox, clicks, leads, sales with their aliases, conversions.

create table inbox_events (
    id text primary key,
    type text not null,
    object_id text,
    account text,
    api_version text,
    livemode boolean not null default false,
    stripe_created_at timestamptz,
    payload text not null,
    received_at timestamptz not null,
    status text not null check (status in ('received', 'processed', 'parked', 'failed', 'ignored')),
    attempts integer not null default 0,
    error text,
    processed_at timestamptz,
    next_attempt_at timestamptz not null
);
create index inbox_events_due_idx on inbox_events (next_attempt_at, id) where status = 'received';
create index inbox_events_status_idx on inbox_events (status, received_at desc);
create index inbox_events_received_at_idx on inbox_events (received_at desc, id desc);

create table clicks (
    id uuid primary key,
    code text not null,
    enrollment_id uuid not null references enrollments (id),
    campaign_id uuid references campaigns (id),
    at timestamptz not null,
    referrer text,
    user_agent text
);
create index clicks_enrollment_id_idx on clicks (enrollment_id, at);

create table leads (
    id uuid primary key,
    affiliate_id uuid not null references affiliates (id),
    enrollment_id uuid references enrollments (id),
    email text check (email = lower(email)),
    stripe_customer_id text,
    customer_id_set_at timestamptz,
    source text not null check (source in ('api', 'sale', 'portal')),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint leads_identity_check check (email is not null or stripe_customer_id is not null)
);
create unique index leads_customer_key on leads (stripe_customer_id) where stripe_customer_id is not null;
create index leads_email_idx on leads (email);
create index leads_affiliate_id_idx on leads (affiliate_id);

-- `provisional`: a bare payment that a checkout or an invoice may still describe; `waiting`: described, not yet paid.
create table sales (
    id uuid primary key,
    kind text not null check (kind in ('checkout', 'invoice', 'payment')),
    status text not null check (status in ('waiting', 'provisional', 'paid', 'merged')),
    merged_into uuid references sales (id),
    stripe_customer_id text,
    email text,
    subscription text,
    billing_reason text,
    currency text check (currency ~ '^[a-z]{3}$'),
    paid_minor bigint not null default 0 check (paid_minor >= 0),
    tax_minor bigint not null default 0 check (tax_minor >= 0),
    shipping_minor bigint not null default 0 check (shipping_minor >= 0),
    discount_minor bigint not null default 0 check (discount_minor >= 0),
    refunded_minor bigint not null default 0 check (refunded_minor >= 0),
    out_of_band boolean not null default false,
    livemode boolean not null default false,
    -- Everything in the events that may name an affiliate: codes, clicks, promotion codes, metadata.
    evidence jsonb not null default '{}',
    unattributed_reason text,
    paid_at timestamptz,
    settles_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint sales_merged_check check ((status = 'merged') = (merged_into is not null))
);
create index sales_customer_idx on sales (stripe_customer_id, paid_at);
create index sales_email_idx on sales (email) where email is not null;
create index sales_merged_into_idx on sales (merged_into) where merged_into is not null;
create index sales_subscription_idx on sales (subscription) where subscription is not null;
create index sales_unattributed_idx on sales (id desc) where unattributed_reason is not null;
create index sales_provisional_idx on sales (settles_at) where status = 'provisional';

-- cs_, in_, pi_, ch_ of one sale; the first writer wins.
create table sale_aliases (
    alias text primary key,
    sale_id uuid not null references sales (id),
    created_at timestamptz not null
);
create index sale_aliases_sale_id_idx on sale_aliases (sale_id);

create table conversions (
    id uuid primary key,
    sale_id uuid not null unique references sales (id),
    enrollment_id uuid not null references enrollments (id),
    campaign_id uuid not null references campaigns (id),
    rule_version_id uuid not null references rule_versions (id),
    evidence_kind text not null,
    evidence_value text not null,
    payment_number integer not null check (payment_number >= 1),
    first_paid_at timestamptz not null,
    is_expansion boolean not null default false,
    created_at timestamptz not null
);
create index conversions_enrollment_id_idx on conversions (enrollment_id, created_at);
