#include "mail/language.h"

#include <string.h>

static const struct {
	const char *tag;
	const char *name;
} languages[LANGUAGE_COUNT] = {
	[LANGUAGE_DEFAULT] = { "i-default", "English" },
	[LANGUAGE_ENGLISH] = { "en", "English" },
	[LANGUAGE_SPANISH] = { "es", "Español" },
};

static const struct {
	const char *english;
	const char *spanish;
} texts[] = {
	{ "done", "hecho" },
	{ "bye", "adiós" },
	{ "see you", "hasta luego" },
	{ "idling", "a la espera" },
	{ "begin TLS", "comience TLS" },
	{ "DEFLATE begins", "DEFLATE comienza" },
	{ "DEFLATE is on already", "DEFLATE ya está activo" },
	{ "TLS is on already", "TLS ya está activo" },
	{ "no TLS now", "ahora no hay TLS" },
	{ "now speaking this language", "ahora se habla este idioma" },
	{ "there is no such language", "no existe ese idioma" },
	{ "the command is too long", "la orden es demasiado larga" },
	{ "no folder can have that name",
	    "ninguna carpeta puede tener ese nombre" },
	{ "there is no such folder", "no existe esa carpeta" },
	{ "no folder is selected", "no hay ninguna carpeta seleccionada" },
	{ "you have it selected", "la tiene seleccionada" },
	{ "to be deleted", "se va a borrar" },
	{ "no such message", "no existe ese mensaje" },
	{ "you do not have the right to do that",
	    "no tiene permiso para hacer eso" },
	{ "that names nobody", "eso no designa a nadie" },
	{ "the owner has all rights always",
	    "el propietario tiene siempre todos los permisos" },
	{ "you share with as many as you may",
	    "ya comparte con tantos como puede" },
	{ "it is set, but cannot be told now",
	    "está hecho, pero ahora no se puede anunciar" },
	{ "what is private is the owner's", "lo privado es del propietario" },
	{ "the other user's mailbox cannot be reached now",
	    "ahora no se puede acceder al buzón del otro usuario" },
	{ "REPLACE has one message", "REPLACE lleva un solo mensaje" },
	{ "the message is too large", "el mensaje es demasiado grande" },
	{ "an empty message is none", "un mensaje vacío no es un mensaje" },
	{ "it is gone", "ya no está" },
	{ "it names nothing here", "no designa nada aquí" },
	{ "it names nothing that you can give away",
	    "no designa nada que usted pueda ceder" },
	{ "URLs of it can be given away", "se pueden ceder sus URL" },
	{ "no URL given away is valid now", "ninguna URL cedida es válida ya" },
	{ "some of them cannot be had now",
	    "algunas no se pueden obtener ahora" },
	{ "i;unicode-casemap is the only one",
	    "i;unicode-casemap es el único" },
	{ "a search of that tag is updated",
	    "ya se actualiza una búsqueda con esa etiqueta" },
	{ "it will not be updated", "no se actualizará" },
	{ "no search of that tag is updated",
	    "no se actualiza ninguna búsqueda con esa etiqueta" },
	{ "some messages cannot be read",
	    "algunos mensajes no se pueden leer" },
	{ "some of them are gone", "algunos ya no están" },
	{ "a part cannot be decoded", "una parte no se puede descodificar" },
	{ "others changed these first", "otros cambiaron estos antes" },
	{ "no room for one more keyword", "no cabe otra palabra clave" },
	{ "there were none", "no había ninguno" },
	{ "a folder's name is missing", "falta el nombre de una carpeta" },
	{ "no folder can have that use",
	    "ninguna carpeta puede tener ese uso" },
	{ "the mailbox cannot be read", "el buzón no se puede leer" },
	{ "the first unseen one", "el primero sin leer" },
	{ "the folder was numbered anew",
	    "los mensajes de la carpeta tienen otros números" },
	{ "the folder was deleted", "la carpeta ha sido borrada" },
	{ "UIDs hold", "los UID siguen siendo válidos" },
	{ "the next one", "el siguiente" },
	{ "changes count", "los cambios se cuentan" },
	{ "its name for ever", "su nombre para siempre" },
	{ "the other one", "la otra" },
	{ "no numbers any more", "ya no se admiten números" },
	{ "no such options", "no existen esas opciones" },
	{ "a set of UIDs is missing", "falta un conjunto de UID" },
	{ "only the administrator sets that",
	    "solo el administrador puede fijarlo" },
	{ "the value is too large", "el valor es demasiado grande" },
	{ "that names no entry", "eso no designa ninguna entrada" },
	{ "no more", "no caben más" },
	{ "at one time", "no caben tantas a la vez" },
	{ "there is no memory for it", "no hay memoria para ello" },
	{ "you were silent for too long",
	    "estuvo en silencio demasiado tiempo" },
	{ "DONE ends IDLE", "DONE termina IDLE" },
	{ "none can be changed", "ninguno se puede cambiar" },
	{ "these stay", "estos permanecen" },
	{ "no more is told", "no se notificará más" },
	{ "too many folders", "demasiadas carpetas" },
	{ "too many other users", "demasiados usuarios ajenos" },
	{ "too many names", "demasiados nombres" },
	{ "these there are", "estos son los que hay" },
	{ "this connection is not encrypted: say STARTTLS, or use port 993",
	    "esta conexión no está cifrada: diga STARTTLS o use el puerto "
	    "993" },
	{ "this connection is not encrypted: say STLS, or use port 995",
	    "esta conexión no está cifrada: diga STLS o use el puerto 995" },
	{ "too many errors", "demasiados errores" },
	{ "too many errors: closing the connection",
	    "demasiados errores: se cierra la conexión" },
	{ "too much was sent before the log-in was answered",
	    "se envió demasiado antes de la respuesta al inicio de sesión" },
	{ "wrong name or password", "nombre o contraseña incorrectos" },
	{ "this account has too many sessions",
	    "esta cuenta tiene demasiadas sesiones" },
	{ "cannot log in now: try later",
	    "ahora no se puede iniciar sesión: inténtelo más tarde" },
	{ "given up, as you wish", "abandonado, como usted desea" },
	{ "not base64", "no es base64" },
	{ "line too long", "línea demasiado larga" },
	{ "no such mechanism", "no existe ese mecanismo" },
	{ "no such mechanism: CAPA lists them",
	    "no existe ese mecanismo: CAPA los enumera" },
	{ "log in first", "inicie sesión primero" },
	{ "a tag, a space and a command",
	    "una etiqueta, un espacio y una orden" },
	{ "this command takes no argument", "esta orden no lleva argumentos" },
	{ "this command needs an argument",
	    "esta orden necesita un argumento" },
	{ "there is no JMAP server", "no hay servidor de JMAP" },
	{ "no such command here", "no existe esa orden aquí" },
	{ "no such command here: try CAPA",
	    "no existe esa orden aquí: pruebe CAPA" },
	{ "the value is no search of filter",
	    "el valor no es una búsqueda en el filtro" },
	{ "there is no such filter", "no existe ese filtro" },
	{ "no such filter", "no existe ese filtro" },
	{ "a filter is in UTF-8", "un filtro está en UTF-8" },
	{ "UID goes before a set", "UID va delante de un conjunto" },
	{ "UID goes before that", "UID va delante de eso" },
	{ "it goes on", "sigue en marcha" },
	{ "a set of messages is missing", "falta un conjunto de mensajes" },
	{ "no message has that number", "ningún mensaje tiene ese número" },
	{ "no such character set", "no existe ese juego de caracteres" },
	{ "there is no such folder or message",
	    "no existe esa carpeta o ese mensaje" },
	{ "there is no such part", "no existe esa parte" },
	{ "there is one of that name", "ya existe una con ese nombre" },
	{ "that cannot be", "eso no puede ser" },
	{ "nothing is left of it but its children",
	    "no queda de ella más que sus hijas" },
	{ "another session holds it: try again",
	    "otra sesión la tiene: inténtelo de nuevo" },
	{ "the account's quota is used up",
	    "la cuota de la cuenta está agotada" },
	{ "too many messages: try fewer",
	    "demasiados mensajes: pruebe con menos" },
	{ "only these", "solo estos" },
	{ "the first goes before the last",
	    "el primero va delante del último" },
	{ "a batch has more messages", "un lote lleva más mensajes" },
	{ "ask for fewer batches", "pida menos lotes" },
	{ "too many, or too large", "demasiados, o demasiado grandes" },
	{ "the folder is another now", "la carpeta es otra ahora" },
	{ "it cannot be changed", "no se puede cambiar" },
	{ "the mailbox cannot be read or changed now",
	    "ahora no se puede leer ni cambiar el buzón" },
	{ "something else follows", "sobra algo al final" },
	{ "what you sent is not DEFLATE", "lo que envió no es DEFLATE" },
	{ "a line has no NUL and no bare CR",
	    "una línea no lleva NUL ni CR suelto" },
	{ "another session has this mailbox open",
	    "otra sesión tiene abierto este buzón" },
	{ "you were here a moment ago: come later",
	    "estuvo aquí hace un momento: vuelva más tarde" },
	{ "now the password", "ahora la contraseña" },
	{ "USER first", "primero USER" },
	{ "another program removed or changed that message",
	    "otro programa borró o cambió ese mensaje" },
	{ "the message cannot be read", "el mensaje no se puede leer" },
	{ "that message is deleted", "ese mensaje está borrado" },
	{ "deleted at QUIT", "se borrará con QUIT" },
	{ "nothing is deleted", "no se borra nada" },
	{ "some deleted messages were not removed",
	    "algunos mensajes borrados no se eliminaron" },
	{ "there is no such conversion", "no existe esa conversión" },
	{ "no such parameter", "no existe ese parámetro" },
	{ "a parameter comes twice", "un parámetro aparece dos veces" },
	{ "text cannot be written in this character set",
	    "no se puede escribir texto en este juego de caracteres" },
	{ "the replacement is too long, or not in the character set",
	    "el sustituto es demasiado largo o no está en el juego de "
	    "caracteres" },
	{ "characters of the text are not in this character set",
	    "hay caracteres del texto que no están en este juego de "
	    "caracteres" },
	{ "the part's encoding or character set is not known",
	    "no se conoce la codificación o el juego de caracteres de la "
	    "parte" },
	{ "the part is too large to be converted",
	    "la parte es demasiado grande para convertirla" },
	{ "a header needs the parameter CHARSET",
	    "un encabezado necesita el parámetro CHARSET" },
	{ "some conversions failed", "algunas conversiones fallaron" },
	{ "all conversions failed", "todas las conversiones fallaron" },
	{ "too many parts: try fewer", "demasiadas partes: pruebe con menos" },
	{ "messages", "mensajes" },
	{ "octets", "octetos" },
	{ "STLS goes before UTF8", "STLS va delante de UTF8" },
	{ "messages come as they are", "los mensajes llegan tal como son" },
};

const char *
language_tag(enum language language)
{
	return languages[language].tag;
}

const char *
language_name(enum language language)
{
	return languages[language].name;
}

/* The last subtag goes, and one letter before it. */
static struct span
shorten(struct span range)
{
	size_t len = range.len;

	while (len > 0 && range.ptr[len - 1] != '-')
		len--;
	if (len > 0)
		len--;
	if (len > 2 && range.ptr[len - 2] == '-')
		len -= 2;
	return span_slice(range, 0, len);
}

bool
language_find(struct span range, enum language *language)
{
	for (; range.len > 0; range = shorten(range))
		for (unsigned i = 0; i < LANGUAGE_COUNT; i++)
			if (span_equal_nocase(
				range, span_of(languages[i].tag))) {
				*language = (enum language)i;
				return true;
			}
	return false;
}

static const char *
find_text(struct span english)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (span_equal(english, span_of(texts[i].english)))
			return texts[i].spanish;
	return NULL;
}

const char *
language_say(enum language language, const char *english)
{
	const char *said =
	    language == LANGUAGE_SPANISH ? find_text(span_of(english)) : NULL;

	return said != NULL ? said : english;
}

/* Where the text begins: behind "* ", the word and "[CODE] ". */
static size_t
text_start(struct span reply)
{
	size_t mark = span_starts(reply, span_of("* ")) ? 2 : 0;
	size_t start =
	    mark + span_index(span_slice(reply, mark, reply.len), ' ') + 1;
	struct span rest = span_slice(reply, start, reply.len);

	if (rest.len > 0 && rest.ptr[0] == '[')
		start += span_index(rest, ']') + 2;
	return start < reply.len ? start : reply.len;
}

void
language_add_reply(struct buf *into, enum language language, const char *reply)
{
	struct span all = span_of(reply);
	size_t start = text_start(all);
	const char *said = language == LANGUAGE_SPANISH
			       ? find_text(span_slice(all, start, all.len))
			       : NULL;

	buf_add(into, said != NULL ? span_slice(all, 0, start) : all);
	if (said != NULL)
		buf_add_string(into, said);
}
