#ifndef STORE_CONVERSION_SETTINGS_H
#define STORE_CONVERSION_SETTINGS_H

/*
 * conversion_settings - control/imapdconversions, imapd(8): "FROM TO" a line,
 * the type that another becomes where a client leaves that to the server (RFC
 * 5259 section 6).
 */

#include <stdint.h>

/* What conversion_find takes as preferred; ends the program if a line is none
 * of the conversions. */
uint64_t conversion_settings_read(void);

#endif
