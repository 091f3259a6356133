/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "nn-weights.h"

#include <string.h>
#include "nn-json.h"
#include "pent-error.h"

/* Safetensors: 8 bytes of header length (little endian), a JSON object, the data.
 *
 *   { "__metadata__": { string: string }, NAME: { "dtype": "BF16", "shape": [n, k], "data_offsets": [begin, end] } }
 *
 * Offsets count from the end of the header.  As in the reference library, the tensors must cover the data exactly:
 * overlaps, holes and left-over bytes mean that the file is not what was saved, and are refused. */

#define MAX_HEADER (100u * 1000 * 1000)
#define MAX_DEPTH 8

typedef struct {
  PentNnWeight weight;                      /* the name is owned by the header's JSON */
  guint64      begin, end;
} Tensor;

typedef struct {
  const char *what;                         /* the file, for messages */
  guint64     data_size;
  GArray     *tensors;                      /* Tensor */
} Reader;

static gboolean G_GNUC_PRINTF (3, 4)
fail (GError **error, const char *what, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, PENT_ERROR, PENT_ERROR_FILE, "%s %s", what, text);
  return FALSE;
}

/* ---- files that are something else ---- */

static gboolean
begins_with (GBytes *map, const char *prefix)
{
  gsize size;
  const char *data = g_bytes_get_data (map, &size);

  return size >= strlen (prefix) && g_ascii_strncasecmp (data, prefix, strlen (prefix)) == 0;
}

/* What people save under the name of a model, and what to do about it. */
static gboolean
refuse_other_kinds (GBytes *map, const char *what, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (map, &size);

  if (size == 0)
    return fail (error, what, "is empty; download it again");
  if (begins_with (map, "version https://git-lfs"))
    return fail (error, what, "is only a Git LFS pointer; run “git lfs pull” in that folder to get the real file");
  if (begins_with (map, "<!doctype") || begins_with (map, "<html") || begins_with (map, "<?xml"))
    return fail (error, what, "is a web page, not a model; the download went wrong, download it again");
  /* A header of 640 to 1408 bytes and more begins like a pickle; only its brace tells. */
  if (size > sizeof (guint64) && data[sizeof (guint64)] == '{')
    return TRUE;
  if (begins_with (map, "PK\003\004") || (size >= 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5))
    return fail (error, what, "is a Python pickle, which can run programs when it is opened; "
                 "use the .safetensors version of this model");
  if (begins_with (map, "GGUF"))
    return fail (error, what, "is a GGUF file with a wrong name; give it the ending .gguf");
  return TRUE;
}

/* ---- fields ---- */

static gboolean
parse_dtype (const char *text, PentDtype *dtype)
{
  static const struct { const char *name; PentDtype dtype; } known[] = {
    { "F32", PENT_DTYPE_F32 },         { "F16", PENT_DTYPE_F16 },         { "BF16", PENT_DTYPE_BF16 },
    { "F8_E4M3", PENT_DTYPE_F8_E4M3 }, { "F8_E5M2", PENT_DTYPE_F8_E5M2 }, { "F64", PENT_DTYPE_F64 },
    { "I8", PENT_DTYPE_I8 },           { "U8", PENT_DTYPE_U8 },           { "I16", PENT_DTYPE_I16 },
    { "I32", PENT_DTYPE_I32 },         { "U32", PENT_DTYPE_U32 },         { "I64", PENT_DTYPE_I64 },
    { "BOOL", PENT_DTYPE_BOOL },
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    if (strcmp (text, known[i].name) == 0)
      {
        *dtype = known[i].dtype;
        return TRUE;
      }
  return FALSE;
}

/* A whole number >= 0.  json-glib makes G_MAXINT64 of whatever lies beyond 64 bits; nothing valid is that large. */
static gboolean
read_size (JsonArray *array, guint i, gint64 *value)
{
  JsonNode *node = json_array_get_element (array, i);

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return FALSE;
  *value = json_node_get_int (node);
  return *value >= 0 && *value < G_MAXINT64;
}

static JsonArray *
array_member (JsonObject *object, const char *field)
{
  JsonNode *node = json_object_get_member (object, field);

  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
read_dtype (Reader *reader, Tensor *tensor, JsonObject *object, GError **error)
{
  JsonNode *node = json_object_get_member (object, "dtype");

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return fail (error, reader->what, "is damaged: “dtype” of tensor “%s” is missing or not a string",
                 tensor->weight.name);
  if (!parse_dtype (json_node_get_string (node), &tensor->weight.dtype))
    return fail (error, reader->what, "cannot be read: the element type “%s” of tensor “%s” is not known",
                 json_node_get_string (node), tensor->weight.name);
  return TRUE;
}

static gboolean
read_shape (Reader *reader, Tensor *tensor, JsonObject *object, GError **error)
{
  JsonArray *shape = array_member (object, "shape");

  if (shape == NULL)
    return fail (error, reader->what, "is damaged: “shape” of tensor “%s” is missing or not a list",
                 tensor->weight.name);
  tensor->weight.n_dims = json_array_get_length (shape);
  if (tensor->weight.n_dims > PENT_NN_MAX_DIMS)
    return fail (error, reader->what, "cannot be read: tensor “%s” has %u axes, and at most %u are possible",
                 tensor->weight.name, tensor->weight.n_dims, PENT_NN_MAX_DIMS);
  for (guint i = 0; i < tensor->weight.n_dims; i++)
    if (!read_size (shape, i, &tensor->weight.shape[i]))
      return fail (error, reader->what, "is damaged: “shape” of tensor “%s” holds something that is not a size",
                   tensor->weight.name);
  return TRUE;
}

static gboolean
read_offsets (Reader *reader, Tensor *tensor, JsonObject *object, GError **error)
{
  JsonArray *offsets = array_member (object, "data_offsets");
  gint64 begin, end;

  if (offsets == NULL || json_array_get_length (offsets) != 2 || !read_size (offsets, 0, &begin) ||
      !read_size (offsets, 1, &end))
    return fail (error, reader->what, "is damaged: “data_offsets” of tensor “%s” is not a pair of positions",
                 tensor->weight.name);
  if (begin > end || (guint64) end > reader->data_size)
    return fail (error, reader->what, "is cut short or damaged: tensor “%s” should lie at bytes %" G_GINT64_FORMAT
                 " to %" G_GINT64_FORMAT " of its data, which has %" G_GUINT64_FORMAT " bytes; download it again",
                 tensor->weight.name, begin, end, reader->data_size);
  tensor->begin = begin;
  tensor->end = end;
  return TRUE;
}

/* The bytes that the shape asks for are the bytes there are. */
static gboolean
check_size (Reader *reader, Tensor *tensor, GError **error)
{
  guint64 bytes = pent_dtype_size (tensor->weight.dtype);

  /* An overflow is one even where a later axis of 0 would hide it. */
  for (guint i = 0; i < tensor->weight.n_dims; i++)
    if (tensor->weight.shape[i] > 0 && !g_uint64_checked_mul (&bytes, bytes, tensor->weight.shape[i]))
      return fail (error, reader->what, "is damaged: the shape of tensor “%s” is too large", tensor->weight.name);
  for (guint i = 0; i < tensor->weight.n_dims; i++)
    if (tensor->weight.shape[i] == 0)
      bytes = 0;

  if (bytes != tensor->end - tensor->begin)
    {
      g_autofree char *shape = nn_shape_to_string (tensor->weight.shape, tensor->weight.n_dims);

      return fail (error, reader->what, "is damaged: tensor “%s” of shape %s and type %s needs %" G_GUINT64_FORMAT
                   " bytes, and its data_offsets give it %" G_GUINT64_FORMAT, tensor->weight.name, shape,
                   pent_dtype_name (tensor->weight.dtype), bytes, tensor->end - tensor->begin);
    }
  return TRUE;
}

static gboolean
read_tensor (Reader *reader, const char *name, JsonNode *node, GError **error)
{
  Tensor tensor = { .weight.name = name };
  JsonObject *object;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail (error, reader->what, "is damaged: the entry of tensor “%s” is not an object", name);
  object = json_node_get_object (node);
  if (!read_dtype (reader, &tensor, object, error) || !read_shape (reader, &tensor, object, error) ||
      !read_offsets (reader, &tensor, object, error) || !check_size (reader, &tensor, error))
    return FALSE;
  g_array_append_val (reader->tensors, tensor);
  return TRUE;
}

static gboolean
read_metadata (PentNnWeights *weights, const char *what, JsonNode *node, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return fail (error, what, "is damaged: “__metadata__” is not an object");

  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &value))
    {
      if (!JSON_NODE_HOLDS_VALUE (value) || json_node_get_value_type (value) != G_TYPE_STRING)
        return fail (error, what, "is damaged: “%s” in “__metadata__” is not a string", name);
      nn_weights_add_metadata (weights, name, json_node_get_string (value));
    }
  return TRUE;
}

/* ---- the file ---- */

static int
compare_tensors (gconstpointer a, gconstpointer b)
{
  const Tensor *left = a, *right = b;

  if (left->begin != right->begin)
    return left->begin < right->begin ? -1 : 1;
  return left->end < right->end ? -1 : left->end > right->end;
}

static gboolean
check_layout (Reader *reader, GError **error)
{
  guint64 position = 0;

  g_array_sort (reader->tensors, compare_tensors);
  for (guint i = 0; i < reader->tensors->len; i++)
    {
      Tensor *tensor = &g_array_index (reader->tensors, Tensor, i);

      if (tensor->begin < position)
        return fail (error, reader->what, "is damaged: tensor “%s” overlaps tensor “%s”", tensor->weight.name,
                     g_array_index (reader->tensors, Tensor, i - 1).weight.name);
      if (tensor->begin > position)
        return fail (error, reader->what, "is damaged: bytes %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT
                     " of its data, before tensor “%s”, belong to no tensor", position, tensor->begin,
                     tensor->weight.name);
      position = tensor->end;
    }
  if (position != reader->data_size)
    return fail (error, reader->what, "is damaged: %" G_GUINT64_FORMAT " bytes are left over after the last tensor",
                 reader->data_size - position);
  return TRUE;
}

static gboolean
read_header (PentNnWeights *weights, Reader *reader, JsonObject *header, GError **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, header);
  while (json_object_iter_next (&iter, &name, &node))
    if (!(strcmp (name, "__metadata__") == 0 ? read_metadata (weights, reader->what, node, error)
                                             : read_tensor (reader, name, node, error)))
      return FALSE;
  return check_layout (reader, error);
}

/* The header's length, checked against the file's. */
static gboolean
read_length (GBytes *map, const char *what, gsize *length, GError **error)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (map, &size);
  guint64 header;

  if (!refuse_other_kinds (map, what, error))
    return FALSE;
  if (size < sizeof header)
    return fail (error, what, "is not a safetensors file: it has only %" G_GSIZE_FORMAT " bytes", size);
  memcpy (&header, data, sizeof header);
  header = GUINT64_FROM_LE (header);
  if (header > MAX_HEADER)
    return fail (error, what, "is not a safetensors file: its header would be %" G_GUINT64_FORMAT
                 " bytes long, and at most %u are allowed", header, MAX_HEADER);
  if (header > size - sizeof header)
    return fail (error, what, "is cut short: its header should be %" G_GUINT64_FORMAT " bytes long, and the file has %"
                 G_GSIZE_FORMAT " bytes; download it again", header, size);
  *length = header;
  return TRUE;
}

static gboolean
safetensors_read (PentNnWeights *self, const char *name, const char *what, GBytes *map, GError **error)
{
  g_autoptr (GArray) tensors = g_array_new (FALSE, FALSE, sizeof (Tensor));
  g_autoptr (JsonNode) root = NULL;
  const char *data = g_bytes_get_data (map, NULL);
  Reader reader = { .what = what, .tensors = tensors };
  gsize length, start;

  if (!read_length (map, what, &length, error))
    return FALSE;
  start = sizeof (guint64) + length;
  reader.data_size = g_bytes_get_size (map) - start;
  root = nn_json_parse (data + sizeof (guint64), length, MAX_DEPTH, what, error);
  if (root == NULL || !read_header (self, &reader, json_node_get_object (root), error))
    return FALSE;

  for (guint i = 0; i < tensors->len; i++)
    {
      Tensor *tensor = &g_array_index (tensors, Tensor, i);
      g_autoptr (GBytes) bytes = g_bytes_new_from_bytes (map, start + tensor->begin, tensor->end - tensor->begin);

      tensor->weight.bytes = bytes;
      if (!nn_weights_add (self, name, what, &tensor->weight, error))
        return FALSE;
    }
  return TRUE;
}

const NnWeightsFormat nn_weights_safetensors = { "safetensors", ".safetensors", safetensors_read };
