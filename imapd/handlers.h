#ifndef IMAPD_HANDLERS_H
#define IMAPD_HANDLERS_H

/*
 * handlers - one function a command; each answers with its tag once, or sets
 * is_done.
 */

#include "imapd/session.h"

typedef void handler(struct session *session, struct parse *parse);

handler handle_append, handle_cancel_update, handle_capability, handle_close,
    handle_comparator, handle_compress, handle_conversions, handle_convert,
    handle_copy, handle_create, handle_delete, handle_delete_acl, handle_enable,
    handle_esearch, handle_examine, handle_expunge, handle_fetch,
    handle_gen_urlauth, handle_get_acl, handle_get_metadata, handle_get_quota,
    handle_get_jmap_access, handle_get_quota_root, handle_id, handle_idle,
    handle_language, handle_list, handle_list_rights, handle_lsub,
    handle_my_rights, handle_move, handle_namespace, handle_notify,
    handle_rename, handle_replace, handle_reset_key, handle_search,
    handle_set_acl, handle_set_metadata, handle_select, handle_sort,
    handle_status, handle_store, handle_subscribe, handle_thread,
    handle_uid_batches, handle_unselect, handle_unsubscribe, handle_urlfetch;

/* The rest of ID: true if it is one. */
bool id_parse(struct parse *parse);

/* Is the literal that follows a message's, which APPEND's or REPLACE's handler
 * reads?  It is session->stream then. */
bool append_is_streamed(struct span so_far);

/* No handler took it, for the command was refused: it is dropped with all that
 * follows, up to what the client sends only when asked.  A message's lines are
 * no commands (RFC 7888 section 4). */
void append_skip(struct session *session);

#endif
