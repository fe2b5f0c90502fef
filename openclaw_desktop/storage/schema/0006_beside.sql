-- What is said beside a turn is no longer in the index of words: it stands there already, as the text of the turns
-- before and after. Each new turn had the row of the turn before taken out of the index and put in again, which cost more
-- than all else that a commit does. Of what is no turn, `neighbours` are words of its own, and stay.
drop trigger memories_added;
drop trigger memories_removed;
drop trigger memories_changed;
drop table memories_fts;

-- Words stand in fewer rows now: they are counted again after the next search.
delete from memory_state where key = 'terms_counted_at';

create view memories_indexed as
select rowid as memory_rowid, text, speaker, case kind when 'turn' then '' else neighbours end as neighbours, date_words
from memories;
create virtual table memories_fts using fts5 (
  text, speaker, neighbours, date_words,
  content = 'memories_indexed', content_rowid = 'memory_rowid', tokenize = "porter unicode61 remove_diacritics 2"
);
insert into memories_fts (memories_fts, rank) values ('secure-delete', 1);
insert into memories_fts (memories_fts) values ('rebuild');
create trigger memories_added after insert on memories begin
  insert into memories_fts (rowid, text, speaker, neighbours, date_words)
  values (new.rowid, new.text, new.speaker, case new.kind when 'turn' then '' else new.neighbours end, new.date_words);
end;
create trigger memories_removed after delete on memories begin
  insert into memories_fts (memories_fts, rowid, text, speaker, neighbours, date_words) values ('delete', old.rowid,
    old.text, old.speaker, case old.kind when 'turn' then '' else old.neighbours end, old.date_words);
end;
create trigger memories_changed after update of kind, text, speaker, neighbours, date_words on memories
when (new.text, new.speaker, new.date_words) <> (old.text, old.speaker, old.date_words)
  or case new.kind when 'turn' then '' else new.neighbours end
    <> case old.kind when 'turn' then '' else old.neighbours end
begin
  insert into memories_fts (memories_fts, rowid, text, speaker, neighbours, date_words) values ('delete', old.rowid,
    old.text, old.speaker, case old.kind when 'turn' then '' else old.neighbours end, old.date_words);
  insert into memories_fts (rowid, text, speaker, neighbours, date_words)
  values (new.rowid, new.text, new.speaker, case new.kind when 'turn' then '' else new.neighbours end, new.date_words);
end;
