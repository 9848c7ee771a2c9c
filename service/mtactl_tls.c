#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/control.h"
#include "base/die.h"
#include "base/file.h"
#include "base/paths.h"
#include "service/keyring.h"
#include "service/mtactl.h"

#define SELF_SIGNED MTA_TLS "/self.pem"

enum {
	SERIAL_LEN = 16,
	LIFE_S = 3650 * 86400,
	SOON_S = 14 * 86400,
	NAMES_MAX = 8192
};

/* ---- the first certificate ---- */

/* Is there one that needs no making: the administrator's, or ours for me? */
static bool
has_certificate(const char *me)
{
	DIR *folder = opendir(MTA_TLS);
	const struct dirent *entry;
	bool has = false;

	if (folder == NULL)
		die_errno(EX_OSERR, "cannot list %s", MTA_TLS);
	while (!has && (entry = readdir(folder)) != NULL) {
		struct span name = span_of(entry->d_name);

		has = name.len > 4 && name.ptr[0] != '.' &&
		      !span_equal(name, span_of("self.pem")) &&
		      span_equal(
			  span_slice(name, name.len - 4, 4), span_of(".pem"));
	}
	closedir(folder);
	if (has)
		return true;
	BIO *file = BIO_new_file(SELF_SIGNED, "r");
	X509 *ours =
	    file == NULL ? NULL : PEM_read_bio_X509(file, NULL, NULL, NULL);
	has = ours != NULL && X509_check_host(ours, me, 0, 0, NULL) == 1;
	X509_free(ours);
	BIO_free(file);
	return has;
}

/* "DNS:mx.example.org,DNS:example.org": this host, and its domains. */
static struct buf
subject_names(struct span me)
{
	struct control_list locals = control_list("locals");
	struct buf names = buf_new(NAMES_MAX);

	buf_add_string(&names, "DNS:");
	buf_add(&names, me);
	for (size_t i = 0; i < locals.count; i++) {
		if (span_equal_nocase(locals.items[i], me))
			continue;
		buf_add_string(&names, ",DNS:");
		buf_add(&names, locals.items[i]);
	}
	if (locals.count == 0)
		buf_add_string(&names, ",DNS:localhost");
	control_list_free(&locals);
	return names;
}

static bool
add_extension(X509 *certificate, int kind, const char *value)
{
	X509V3_CTX context;

	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, &context, kind, value);
	bool is_added =
	    extension != NULL && X509_add_ext(certificate, extension, -1) == 1;

	X509_EXTENSION_free(extension);
	return is_added;
}

static bool
set_serial(X509 *certificate)
{
	unsigned char bytes[SERIAL_LEN];
	bool is_set = false;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f;
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	if (number != NULL)
		is_set = BN_to_ASN1_INTEGER(number,
			     X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return is_set;
}

static X509 *
self_sign(EVP_PKEY *key, struct span me)
{
	X509 *certificate = X509_new();
	struct buf names = subject_names(me);
	const char *name_list = buf_string(&names);

	if (certificate == NULL || name_list == NULL)
		temp_fail("out of memory");
	X509_NAME *subject = X509_get_subject_name(certificate);
	bool is_made =
	    X509_set_version(certificate, X509_VERSION_3) == 1 &&
	    set_serial(certificate) &&
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(certificate), LIFE_S) != NULL &&
	    X509_set_pubkey(certificate, key) == 1 &&
	    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
		(const unsigned char *)me.ptr, me.len > 64 ? 64 : (int)me.len,
		-1, 0) == 1 &&
	    X509_set_issuer_name(certificate, subject) == 1 &&
	    add_extension(certificate, NID_subject_alt_name, name_list) &&
	    add_extension(
		certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	    X509_sign(certificate, key, EVP_sha256()) > 0;

	buf_free(&names);
	if (!is_made)
		die(EX_SOFTWARE,
		    "cannot make a certificate for %.*s: is control/me or "
		    "control/locals no name?",
		    (int)me.len, me.ptr);
	return certificate;
}

static void
write_pair(EVP_PKEY *key, X509 *certificate)
{
	static const char temporary[] = MTA_TLS "/.self.new";
	const struct group *group = getgrnam("mta-key");
	int fd = open(temporary,
	    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *file = fd == -1 ? NULL : fdopen(fd, "w");

	if (group == NULL || file == NULL ||
	    fchown(fd, 0, group->gr_gid) == -1 || fchmod(fd, 0640) == -1 ||
	    PEM_write_X509(file, certificate) != 1 ||
	    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    fflush(file) != 0 || !file_commit(fd, temporary, SELF_SIGNED))
		die_errno(EX_CANTCREAT, "cannot make %s", SELF_SIGNED);
	fclose(file);
}

void
mtactl_make_certificate(void)
{
	struct buf me = control_me();
	const char *name = buf_string(&me);

	if (name == NULL || has_certificate(name)) {
		buf_free(&me);
		return;
	}
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (key == NULL)
		die(EX_SOFTWARE, "cannot make a key");
	X509 *certificate = self_sign(key, buf_span(&me));
	write_pair(key, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
	buf_free(&me);
}

/* ---- what may be wrong with them ---- */

static int
check_file(const char *name)
{
	char path[PATH_MAX];
	struct stat status;
	const struct group *group = getgrnam("mta-key");

	snprintf(path, sizeof(path), "%s/%s", MTA_TLS, name);
	if (group == NULL || stat(path, &status) == -1)
		return 0;
	if (status.st_uid == 0 && status.st_gid == group->gr_gid &&
	    (status.st_mode & 0777) == 0640)
		return 0;
	printf("%s: should be root:mta-key 0640: chown root:mta-key %s; "
	       "chmod 640 %s\n",
	    path, path, path);
	return 1;
}

static int
check_entry(const struct keyring_entry *entry)
{
	const unsigned char *der = entry->certificate.chain;
	X509 *leaf = d2i_X509(NULL, &der, (long)entry->certificate.len);
	time_t soon = time(NULL) + SOON_S;
	int faults = check_file(entry->name);

	if (leaf != NULL &&
	    X509_cmp_time(X509_get0_notAfter(leaf), &soon) < 0) {
		printf("%s/%s: expires within 14 days, or has expired: "
		       "replace it\n",
		    MTA_TLS, entry->name);
		faults++;
	}
	X509_free(leaf);
	return faults;
}

int
mtactl_check_certificates(void)
{
	static struct keyring ring;
	static struct keyring before;
	int faults = 0;

	keyring_refresh(&ring, &before, MTA_TLS);
	for (size_t i = 0; i < ring.count; i++)
		faults += check_entry(ring.entries[i]);
	faults += (int)ring.unusable;
	if (ring.count == 0) {
		printf("%s: no certificate: mtactl start makes one\n", MTA_TLS);
		faults++;
	}
	keyring_free(&ring);
	return faults;
}
