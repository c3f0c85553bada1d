-- Since when an area and hours are agreed, until when a journey was, and when a tag was taken back with what it was heard
-- with: what was concluded before stays, and nothing is concluded of before. Null: before it was written down, or never.
ALTER TABLE travel_people
    ADD COLUMN area_agreed_at timestamptz,
    ADD COLUMN hours_agreed_at timestamptz,
    ADD COLUMN tag_ended_at timestamptz;
ALTER TABLE travel_journeys ADD COLUMN ended_at timestamptz;
