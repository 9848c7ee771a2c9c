#ifndef SERVICE_TLS_KEY_H
#define SERVICE_TLS_KEY_H

/*
 * tls_key - private keys that are not here: OpenSSL's hooks for RSA and EC
 * keys ask keyd for each signature.
 */

#include <openssl/evp.h>

#include "queue/tls.h"

/*
 * A key that pairs with the public one, whose owner stays the caller; NULL if
 * it is neither RSA nor EC, or memory is out.  channel must outlive it.
 */
EVP_PKEY *tls_key_new(EVP_PKEY *public_key, struct key_channel *channel);

#endif
