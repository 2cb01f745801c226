-- A program's say in attribution (which evidence comes first, which of several clicks counts, whether money that didn't pass
-- through Stripe counts) and in fraud signs (what each does to a conversion that shows it).

alter table programs
    add column attribution_order text[] not null
        default array['promotion_code', 'click', 'code', 'lead_customer', 'lead_email']
        constraint programs_attribution_order_check check (
            cardinality(attribution_order) = 5
            and attribution_order @> array['promotion_code', 'click', 'code', 'lead_customer', 'lead_email']
        ),
    add column click_rule text not null default 'last' check (click_rule in ('first', 'last')),
    add column count_out_of_band boolean not null default true,
    add column self_referral text not null default 'hold' check (self_referral in ('off', 'flag', 'hold')),
    add column velocity_sign text not null default 'flag' check (velocity_sign in ('off', 'flag', 'hold')),
    add column velocity_per_hour integer not null default 20 check (velocity_per_hour between 1 and 100000),
    add column shared_buyer_sign text not null default 'flag' check (shared_buyer_sign in ('off', 'flag', 'hold'));
