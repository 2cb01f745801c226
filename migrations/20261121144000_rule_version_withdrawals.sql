-- A rule version that is to come into force later may be withdrawn before it does. The version itself stays as it was written.

create table rule_version_withdrawals (
    rule_version_id uuid primary key references rule_versions (id),
    withdrawn_at timestamptz not null,
    withdrawn_by text not null
);
create trigger rule_version_withdrawals_insert_only before update or delete on rule_version_withdrawals for each row execute function refuse_change();
create trigger rule_version_withdrawals_no_truncate before truncate on rule_version_withdrawals for each statement execute function refuse_change();

-- The versions that price sales, each from its time on until the next one's. Of two from the same time the later written counts.
create view standing_rule_versions as
    select r.id, r.campaign_id, r.version, r.rule, r.effective_from
    from rule_versions r
    where not exists (select 1 from rule_version_withdrawals w where w.rule_version_id = r.id);

create index coupons_campaign_id_idx on coupons (campaign_id) where campaign_id is not null;
