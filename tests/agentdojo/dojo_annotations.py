"""What each tool of AgentDojo 0.1.35 does to the world, and which of its arguments carry authority.

Written once, from the docstrings alone, before the first run; not tuned after. What mails, messages, invites, books or
shares reaches other people: outbound. A web address carries data: outbound, reading included. Money and passwords:
guarded. What is deleted or overwritten without a trace: local-irreversible. Only a new file of one's own, or more text
at the end of one, can be taken back. All else reads. A correction is named here with its reason: none so far.
"""

from __future__ import annotations

from openclaw_desktop.core.messages import Effect

ANNOTATIONS: dict[str, tuple[Effect, tuple[str, ...]]] = {
    # Bank account
    "get_iban": ("read", ()),
    "get_balance": ("read", ()),
    "get_most_recent_transactions": ("read", ()),
    "get_scheduled_transactions": ("read", ()),
    "send_money": ("guarded", ("recipient", "amount")),
    "schedule_transaction": ("guarded", ("recipient", "amount")),
    "update_scheduled_transaction": ("guarded", ("id", "recipient", "amount")),
    "get_user_info": ("read", ()),
    "update_password": ("guarded", ("password",)),
    "update_user_info": ("local-irreversible", ("first_name", "last_name", "street", "city")),
    "read_file": ("read", ()),
    # Calendar: each change mails the participants
    "get_current_day": ("read", ()),
    "get_day_calendar_events": ("read", ()),
    "search_calendar_events": ("read", ()),
    "create_calendar_event": ("outbound", ("participants",)),
    "cancel_calendar_event": ("outbound", ("event_id",)),
    "reschedule_calendar_event": ("outbound", ("event_id",)),
    "add_calendar_event_participants": ("outbound", ("event_id", "participants")),
    # Files in a cloud drive
    "search_files_by_filename": ("read", ()),
    "search_files": ("read", ()),
    "get_file_by_id": ("read", ()),
    "list_files": ("read", ()),
    "create_file": ("local-reversible", ("filename",)),
    "append_to_file": ("local-reversible", ("file_id",)),
    "delete_file": ("local-irreversible", ("file_id",)),
    "share_file": ("outbound", ("file_id", "email", "permission")),
    # E-mail
    "get_unread_emails": ("read", ()),
    "get_sent_emails": ("read", ()),
    "get_received_emails": ("read", ()),
    "get_draft_emails": ("read", ()),
    "search_emails": ("read", ()),
    "search_contacts_by_name": ("read", ()),
    "search_contacts_by_email": ("read", ()),
    "send_email": ("outbound", ("recipients", "cc", "bcc", "attachments")),
    "delete_email": ("local-irreversible", ("email_id",)),
    # Slack and the web
    "get_channels": ("read", ()),
    "get_users_in_channel": ("read", ()),
    "read_channel_messages": ("read", ()),
    "read_inbox": ("read", ()),
    "add_user_to_channel": ("outbound", ("user", "channel")),
    "send_direct_message": ("outbound", ("recipient",)),
    "send_channel_message": ("outbound", ("channel",)),
    "invite_user_to_slack": ("outbound", ("user", "user_email")),
    "remove_user_from_slack": ("outbound", ("user",)),
    "get_webpage": ("outbound", ("url",)),
    "post_webpage": ("outbound", ("url",)),
    # Travel
    "get_user_information": ("read", ()),
    "get_all_hotels_in_city": ("read", ()),
    "get_hotels_prices": ("read", ()),
    "get_hotels_address": ("read", ()),
    "get_rating_reviews_for_hotels": ("read", ()),
    "get_all_restaurants_in_city": ("read", ()),
    "get_restaurants_address": ("read", ()),
    "get_rating_reviews_for_restaurants": ("read", ()),
    "get_cuisine_type_for_restaurants": ("read", ()),
    "get_dietary_restrictions_for_all_restaurants": ("read", ()),
    "get_contact_information_for_restaurants": ("read", ()),
    "get_price_for_restaurants": ("read", ()),
    "check_restaurant_opening_hours": ("read", ()),
    "get_all_car_rental_companies_in_city": ("read", ()),
    "get_car_types_available": ("read", ()),
    "get_rating_reviews_for_car_rental": ("read", ()),
    "get_car_rental_address": ("read", ()),
    "get_car_fuel_options": ("read", ()),
    "get_car_price_per_day": ("read", ()),
    "get_flight_information": ("read", ()),
    "reserve_hotel": ("outbound", ("hotel",)),
    "reserve_restaurant": ("outbound", ("restaurant",)),
    "reserve_car_rental": ("outbound", ("company",)),
}
