-- Programs, campaigns with versioned rules, enrollments with their codes and coupons.

create table programs (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null,
    currency text not null check (currency ~ '^[a-z]{3}$'),
    site_url text not null,
    hold_days integer not null default 30 check (hold_days between 0 and 3650),
    auto_credit boolean not null default true,
    min_payout_minor bigint not null default 1000 check (min_payout_minor >= 0),
    cadence text not null default 'monthly' check (cadence in ('daily', 'weekly', 'monthly', 'manual')),
    refund_rate_threshold numeric check (refund_rate_threshold between 0 and 100),
    refund_amount_threshold_minor bigint check (refund_amount_threshold_minor >= 0),
    four_eyes_above_minor bigint check (four_eyes_above_minor >= 0),
    cookie_days integer not null default 60 check (cookie_days between 0 and 3650),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table campaigns (
    id uuid primary key,
    program_id uuid not null references programs (id),
    name text not null,
    landing_url text,
    starts_at timestamptz,
    ends_at timestamptz,
    active boolean not null default true,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint campaigns_dates_check check (ends_at is null or starts_at is null or ends_at > starts_at)
);
create index campaigns_program_id_idx on campaigns (program_id);

create table rule_versions (
    id uuid primary key,
    campaign_id uuid not null references campaigns (id),
    version integer not null check (version >= 1),
    rule jsonb not null,
    effective_from timestamptz not null,
    created_at timestamptz not null,
    created_by text not null,
    unique (campaign_id, version)
);
create trigger rule_versions_insert_only before update or delete on rule_versions for each row execute function refuse_change();
create trigger rule_versions_no_truncate before truncate on rule_versions for each statement execute function refuse_change();

create table enrollments (
    id uuid primary key,
    affiliate_id uuid not null references affiliates (id),
    program_id uuid not null references programs (id),
    status text not null check (status in ('active', 'paused', 'left')),
    joined_at timestamptz not null,
    unique (affiliate_id, program_id)
);
create index enrollments_program_id_idx on enrollments (program_id);

-- A code is unique whatever its case. Without a campaign it follows the program's active campaign.
create table referral_codes (
    code text primary key check (code = lower(code) and code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    enrollment_id uuid not null references enrollments (id),
    campaign_id uuid references campaigns (id),
    created_at timestamptz not null
);
create index referral_codes_enrollment_id_idx on referral_codes (enrollment_id);

-- An affiliate's promotion codes. `stripe_promotion_code` is learnt when Stripe names it (promo_…).
create table coupons (
    code text primary key check (code = lower(code)),
    enrollment_id uuid not null references enrollments (id),
    campaign_id uuid references campaigns (id),
    stripe_promotion_code text unique,
    created_at timestamptz not null
);
create index coupons_enrollment_id_idx on coupons (enrollment_id);
