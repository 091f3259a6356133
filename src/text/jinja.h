/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* An interpreter for the part of Jinja 3 that chat templates use, in the settings that transformers gives it:
 * trim_blocks, lstrip_blocks, no autoescape, nothing that changes a value once made.  Private to src/text.
 *
 *   jinja-lex.c     source to tokens, white space control
 *   jinja-parse.c   statements;  jinja-expression.c  expressions; to a tree of nodes
 *   jinja-eval.c    expressions;  jinja-operator.c  what stands between two values;  jinja-render.c  statements
 *   jinja-filter.c, jinja-text-filter.c, jinja-test.c, jinja-method.c, jinja-function.c   what names stand for
 *   jinja-value.c   values as Python shows, compares and counts them;  jinja-json.c  to and from JSON
 *
 * Everything lives in an arena: a template's, or that of one rendering. */
#define JINJA_MAX_STEPS 1000000
#define JINJA_MAX_OUTPUT (1u << 20)        /* bytes */
#define JINJA_MAX_STRING (4u << 20)        /* bytes of any value */
#define JINJA_MAX_LIST 100000
#define JINJA_MAX_MEMORY (128u << 20)      /* bytes of one rendering */
#define JINJA_MAX_DEPTH 150                /* nesting of a template and of a value */
#define JINJA_MAX_CALLS 600                /* nesting of what is evaluated */
#define JINJA_MAX_SOURCE (1u << 20)        /* bytes */

/* Memory that is freed at once.  Zeroed. */
typedef struct {
  GPtrArray *blocks;
  char      *at;
  gsize      left, used;
} JinjaArena;

gpointer jinja_alloc (JinjaArena *self, gsize size);
void     jinja_arena_clear (JinjaArena *self);

typedef enum {
  JINJA_UNDEFINED, JINJA_NONE, JINJA_BOOL, JINJA_INT, JINJA_FLOAT, JINJA_STRING, JINJA_LIST, JINJA_TUPLE, JINJA_DICT,
  JINJA_NAMESPACE, JINJA_LOOP, JINJA_MACRO, JINJA_CALLABLE
} JinjaType;

typedef struct _Jinja Jinja;               /* one rendering */
typedef struct _JinjaNode JinjaNode;
typedef struct _JinjaList JinjaList;
typedef struct _JinjaDict JinjaDict;
typedef struct _JinjaLoop JinjaLoop;
typedef struct _JinjaMacro JinjaMacro;
typedef struct _JinjaCallable JinjaCallable;

typedef struct {
  JinjaType type;
  guint     length;                        /* STRING: bytes; not terminated */
  union {
    gboolean             b;
    gint64               i;
    double               f;
    const char          *s;                /* UNDEFINED: what was not there, or NULL */
    JinjaList           *list;             /* also TUPLE */
    JinjaDict           *dict;             /* also NAMESPACE */
    JinjaLoop           *loop;
    const JinjaMacro    *macro;
    const JinjaCallable *callable;
  } u;
} JinjaValue;

struct _JinjaList { JinjaValue *items; guint n, size; };
struct _JinjaDict { JinjaValue *keys, *values; guint n, size; };

/* What a call is given: the positional ones, then those with names. */
typedef struct {
  const JinjaValue *values;
  guint             n;
  const char      **names;
  const JinjaValue *named;
  guint             n_named;
} JinjaArgs;

/* A function, or a method with the value that it belongs to. */
typedef JinjaValue (*JinjaFunction) (Jinja *self, JinjaValue of, const JinjaArgs *args);
typedef gboolean   (*JinjaTest) (Jinja *self, JinjaValue value, const JinjaArgs *args);
struct _JinjaCallable { const char *name; JinjaFunction function; JinjaValue of; };

struct _JinjaLoop { JinjaList *items; guint index0; };

/* Variables of one scope; a look-up goes on with the parent. */
typedef struct _JinjaFrame JinjaFrame;
struct _JinjaFrame { JinjaFrame *parent; const char **names; JinjaValue *values; guint n, size; };

struct _JinjaMacro { const JinjaNode *node; JinjaFrame *frame; };

typedef enum {
  /* Statements */
  JINJA_NODE_BODY,         /* list */
  JINJA_NODE_TEXT,         /* value */
  JINJA_NODE_OUTPUT,       /* a */
  JINJA_NODE_IF,           /* a: test, b: body, c: else */
  JINJA_NODE_FOR,          /* a: target, b: iterable, c: body, d: else, e: condition */
  JINJA_NODE_SET,          /* a: target, b: value */
  JINJA_NODE_SET_BLOCK,    /* a: target, b: body, c: filters around NODE_INNER or NULL */
  JINJA_NODE_FILTER_BLOCK, /* b: body, c: filters around NODE_INNER */
  JINJA_NODE_MACRO,        /* name, list: parameters (NAME), named: their defaults, b: body */
  JINJA_NODE_SCOPE,        /* b: body with variables of its own */
  JINJA_NODE_BREAK, JINJA_NODE_CONTINUE,
  /* Expressions */
  JINJA_NODE_CONST,        /* value */
  JINJA_NODE_NAME,         /* name */
  JINJA_NODE_INNER,        /* the text of the block around */
  JINJA_NODE_LIST, JINJA_NODE_TUPLE,       /* list */
  JINJA_NODE_DICT,         /* list: keys, named: values */
  JINJA_NODE_ATTRIBUTE,    /* a.name */
  JINJA_NODE_INDEX,        /* a[b] */
  JINJA_NODE_SLICE,        /* a[b:c:d] */
  JINJA_NODE_CALL,         /* a (list, names = named) */
  JINJA_NODE_FILTER,       /* a | name (list, names = named) */
  JINJA_NODE_TEST,         /* a is name (list, names = named) */
  JINJA_NODE_NOT, JINJA_NODE_NEGATIVE, JINJA_NODE_POSITIVE,       /* a */
  JINJA_NODE_AND, JINJA_NODE_OR,           /* a, b */
  JINJA_NODE_BINARY,       /* a op b */
  JINJA_NODE_COMPARE,      /* a, then list with ops */
  JINJA_NODE_CONDITION,    /* a if b else c */
} JinjaKind;

typedef enum {
  JINJA_OP_ADD, JINJA_OP_SUB, JINJA_OP_MUL, JINJA_OP_DIV, JINJA_OP_FLOOR, JINJA_OP_MOD, JINJA_OP_POW, JINJA_OP_CONCAT,
  JINJA_OP_EQ, JINJA_OP_NE, JINJA_OP_LT, JINJA_OP_LE, JINJA_OP_GT, JINJA_OP_GE, JINJA_OP_IN, JINJA_OP_NOT_IN
} JinjaOp;

struct _JinjaNode {
  JinjaKind     kind;
  guint         line;
  JinjaOp       op;
  const char   *name;              /* one pointer a name within a template */
  JinjaValue    value;
  JinjaNode    *a, *b, *c, *d, *e;
  JinjaNode   **list, **named;
  guint         n, n_named;
  const char  **names;
  JinjaOp      *ops;
  JinjaFunction filter;
  JinjaTest     test;
};

typedef struct {
  char         *name;              /* for messages */
  JinjaArena    arena;
  GStringChunk *names;
  const char   *loop;              /* the name of that variable */
  JinjaNode    *body;
} JinjaTemplate;

struct _Jinja {
  const JinjaTemplate *template;
  JinjaArena           arena;
  GString             *out;
  JinjaFrame          *frame;
  JinjaDict           *globals;
  JinjaValue           inner;      /* JINJA_NODE_INNER */
  guint                line, steps, depth;
  enum { JINJA_GO_ON, JINJA_BREAK, JINJA_CONTINUE } flow;
  GError              *error;      /* the first; nothing is evaluated after it */
};

/* jinja-lex.c */
typedef enum
{
  JINJA_TOKEN_END,
  JINJA_TOKEN_TEXT,
  JINJA_TOKEN_OUTPUT,
  JINJA_TOKEN_OUTPUT_END,
  JINJA_TOKEN_BLOCK,
  JINJA_TOKEN_BLOCK_END,
  JINJA_TOKEN_NAME,
  JINJA_TOKEN_STRING,
  JINJA_TOKEN_INT,
  JINJA_TOKEN_FLOAT,
  JINJA_TOKEN_OPERATOR
} JinjaTokenType;

typedef struct { JinjaTokenType type; guint line; JinjaValue value; } JinjaToken;     /* NAME, OPERATOR: the string */

GArray     *jinja_lex (JinjaTemplate *template, const char *source, GError **error);
void        jinja_source_error (const JinjaTemplate *template, guint line, GError **error, const char *format, ...)
              G_GNUC_PRINTF (4, 5);

/* jinja-parse.c, jinja-expression.c */
typedef struct {
  JinjaTemplate    *template;
  const JinjaToken *token;         /* the next one */
  guint             depth, loops;
  guint branches; /* of `if` around; what is unknown there fails only when it is reached, as in Jinja */
  char             *unknown;       /* the first unknown filter or test outside of them */
  guint             unknown_line;
  GError           *error;         /* the first; afterwards the next token is always the end */
} JinjaParser;

JinjaTemplate *jinja_template_new (const char *source, const char *name, GError **error);
void           jinja_template_free (JinjaTemplate *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (JinjaTemplate, jinja_template_free)

void        jinja_parser_fail (JinjaParser *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
JinjaNode  *jinja_node (JinjaParser *self, JinjaKind kind);
gboolean    jinja_at (JinjaParser *self, JinjaTokenType type, const char *text);
gboolean    jinja_take (JinjaParser *self, JinjaTokenType type, const char *text);
void        jinja_expect (JinjaParser *self, JinjaTokenType type, const char *text);
const char *jinja_take_name (JinjaParser *self);
JinjaNode **jinja_nodes (JinjaParser *self, GPtrArray *nodes);            /* copied to the arena */
JinjaNode  *jinja_parse_expression (JinjaParser *self);
JinjaNode  *jinja_parse_tuple (JinjaParser *self, gboolean conditions);  /* one expression, or more with commas */
JinjaNode  *jinja_parse_filters (JinjaParser *self, JinjaNode *of);      /* behind a first “|” */

/* jinja-operator.c */
gboolean    jinja_need (Jinja *self, JinjaValue value);                   /* FALSE, and an error: it is undefined */
JinjaValue  jinja_binary (Jinja *self, JinjaOp op, JinjaValue a, JinjaValue b);
gboolean    jinja_compare (Jinja *self, JinjaOp op, JinjaValue a, JinjaValue b);

/* jinja-eval.c, jinja-render.c */
void        jinja_fail (Jinja *self, const char *format, ...) G_GNUC_PRINTF (2, 3);
gboolean    jinja_step (Jinja *self);                                     /* FALSE: an error, or too much was done */
gboolean    jinja_enter (Jinja *self);                                    /* the same, for what may nest; then leave */
void        jinja_leave (Jinja *self);
JinjaValue  jinja_eval (Jinja *self, const JinjaNode *node);
JinjaValue  jinja_get_attribute (Jinja *self, JinjaValue of, const char *name);
JinjaValue  jinja_get_item (Jinja *self, JinjaValue of, JinjaValue key);
JinjaValue  jinja_call (Jinja *self, JinjaValue callee, const JinjaArgs *args);
JinjaValue  jinja_call_macro (Jinja *self, const JinjaMacro *macro, const JinjaArgs *args);
void        jinja_assign (Jinja *self, const JinjaNode *target, JinjaValue value);
void        jinja_set (Jinja *self, const char *name, JinjaValue value);
JinjaFrame *jinja_frame_new (Jinja *self, JinjaFrame *parent);
char       *jinja_render (const JinjaTemplate *template, JsonObject *variables, GError **error);

/* jinja-filter.c, jinja-text-filter.c, jinja-test.c, jinja-method.c, jinja-function.c: NULL if there is none of that
 * name */
JinjaFunction jinja_find_filter (const char *name);
JinjaFunction jinja_find_text_filter (const char *name);
JinjaTest     jinja_find_test (const char *name);
JinjaFunction jinja_find_method (JinjaType type, const char *name);
JinjaFunction jinja_find_function (const char *name);

/* Arguments: number i, or by name; FALSE if it was not given (or is wrong, which is an error). */
gboolean    jinja_arg (const JinjaArgs *args, guint i, const char *name, JinjaValue *value);
gboolean    jinja_arg_int (Jinja *self, const JinjaArgs *args, guint i, const char *name, gint64 *value);
gboolean    jinja_arg_string (Jinja *self, const JinjaArgs *args, guint i, const char *name, JinjaValue *value);
gboolean    jinja_arg_true (const JinjaArgs *args, guint i, const char *name, gboolean otherwise);

/* jinja-string.c */
gboolean    jinja_is_blank (gunichar c);
void        jinja_append_cased (GString *out, gunichar c, gboolean upper);
gssize      jinja_find (JinjaValue string, JinjaValue what, gsize from);    /* in bytes; -1: nowhere */
JinjaValue  jinja_strip (JinjaValue string, const JinjaValue *characters, gboolean left, gboolean right);
JinjaValue  jinja_case (Jinja *self, JinjaValue string, gboolean upper);
JinjaValue  jinja_capitalize (Jinja *self, JinjaValue string);
JinjaValue  jinja_replace (Jinja *self, JinjaValue string, JinjaValue old, JinjaValue new, gint64 times);

/* jinja-text-filter.c */
JinjaValue  jinja_format (Jinja *self, JinjaValue format, const JinjaArgs *args);         /* % */

/* jinja-value.c */
JinjaValue  jinja_undefined (const char *what);
JinjaValue  jinja_none (void);
JinjaValue  jinja_bool (gboolean b);
JinjaValue  jinja_int (gint64 i);
JinjaValue  jinja_float (double f);
JinjaValue  jinja_borrow (const char *s);                                /* a literal */
JinjaValue  jinja_string (Jinja *self, const char *s, gsize length);      /* copied */
JinjaValue  jinja_take_string (Jinja *self, GString *string);            /* copied; frees string */
JinjaValue  jinja_part (JinjaValue string, gsize first, gsize length);    /* shares the bytes */
JinjaValue  jinja_list (Jinja *self, JinjaType type);                     /* LIST or TUPLE, empty */
void        jinja_list_add (Jinja *self, JinjaList *list, JinjaValue value);
JinjaValue  jinja_dict (Jinja *self, JinjaType type);                     /* DICT or NAMESPACE, empty */
void        jinja_dict_set (Jinja *self, JinjaDict *dict, JinjaValue key, JinjaValue value);
gboolean    jinja_dict_get (const JinjaDict *dict, JinjaValue key, JinjaValue *value);
const char *jinja_type_name (JinjaValue value);
gboolean    jinja_is (JinjaValue string, const char *s);
gboolean    jinja_true (JinjaValue value);
gboolean    jinja_equal (JinjaValue a, JinjaValue b);
gboolean    jinja_order (Jinja *self, JinjaValue a, JinjaValue b, int *order);       /* FALSE: error */
gboolean    jinja_number (JinjaValue value, double *number);              /* also BOOL */
gboolean    jinja_length (JinjaValue value, gsize *length);               /* FALSE: has none */
JinjaList  *jinja_items (Jinja *self, JinjaValue value);                  /* what iterating gives; NULL: error */
void        jinja_show (Jinja *self, JinjaValue value, GString *out);     /* str () */
JinjaValue  jinja_text (Jinja *self, JinjaValue value);                   /* the same as a value */
void        jinja_show_float (double f, GString *out);

/* jinja-json.c */
JinjaValue  jinja_from_json (Jinja *self, JsonNode *node);
JinjaValue  jinja_filter_tojson (Jinja *self, JinjaValue value, const JinjaArgs *args);

G_END_DECLS
