#include <errno.h>
#include <unistd.h>

#include "mail/structure.h"
#include "store/folder_state.h"
#include "store/message_file.h"

/* The structure of a part: read anew, for it is asked for seldom. */

struct reading {
	struct structure structure;
	struct mime mime;
};

static void
take_header(void *context, uint32_t part, struct span header)
{
	struct reading *reading = context;

	structure_take_header(
	    &reading->structure, &reading->mime, part, header);
}

enum account_status
folder_part_structure(struct folder *folder, size_t i,
    const struct section *section, bool is_utf8, struct buf *into)
{
	struct reading reading;
	enum account_status status = ACCOUNT_NO_PART;
	int fd = folder_open_message(folder, i);

	if (fd == -1)
		return account_error();
	structure_init(&reading.structure, true, is_utf8);
	mime_init(&reading.mime, take_header, &reading);
	if (message_parse(fd, &reading.mime)) {
		uint32_t part = mime_find(
		    &reading.mime, section->part, section->part_count);

		if (part != MIME_NONE && structure_add_part(&reading.structure,
					     &reading.mime, part, into))
			status = ACCOUNT_OK;
	} else {
		status = account_error();
	}
	int error = errno;
	mime_free(&reading.mime);
	structure_free(&reading.structure);
	close(fd);
	errno = error;
	return status;
}
