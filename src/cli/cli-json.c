/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <json-glib/json-glib.h>

char *
cli_json (GVariant *value)
{
  g_autoptr (JsonNode) node = json_gvariant_serialize (value);

  return json_to_string (node, FALSE);
}
