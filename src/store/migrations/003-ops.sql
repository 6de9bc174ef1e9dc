-- Operators have a case's workflow started anew; it authorises nothing and changes no case.
alter table outbox drop constraint outbox_signal_check;
alter table outbox add constraint outbox_signal_check check (signal in ('decide', 'changed', 'reattach'));

-- What is still under way, for whoever wants to stop a process.
grant select on unsequenced to cs_api;
