-- Whom the keeper's policy names, by verifier key, and how each does: who falls behind is shown for as long as it does.
create table witnesses (
  witness text primary key,
  name text not null,
  size bigint not null default 0,
  cosigned_at timestamptz,
  fault text,
  failing_since timestamptz
);

-- Signature lines of witnesses under a signed head.
create table cosignatures (
  size bigint not null references checkpoints (size),
  witness text not null,
  line text not null,
  primary key (size, witness)
);

-- Signed heads under which as many cosigned as the policy asks for.
create table quorums (size bigint primary key references checkpoints (size));

alter table checkpoints add column at timestamptz not null default clock_timestamp();

grant select on witnesses, cosignatures, quorums to cs_api, cs_worker, cs_keeper, cs_connector;
grant insert, update, delete on witnesses to cs_keeper;
grant insert on cosignatures, quorums to cs_keeper;
