/* SPDX-License-Identifier: PostgreSQL */
/*
 * cmd_device_info.c - `sft device-info`: what is told about this device, always as JSON.
 */
#include "cmd.h"
#include "device.h"

int
cmd_device_info(struct ctx *ctx)
{
    struct device d;
    const struct show as_json = {SHOW_JSON, NULL};
    struct json_object *row = json_object_new_object();
    if (!row)
        return fail_err(&ctx->failure, SFT_ENOMEM, "device");
    device_describe(&d, ctx->paths.home);
    json_object_object_add(row, "hostname", json_object_new_string(d.hostname));
    json_object_object_add(row, "os", json_object_new_string(d.os));
    json_object_object_add(row, "description", json_object_new_string(d.description));
    json_object_object_add(
        row, "encrypted",
        d.disk == DEVICE_UNKNOWN ? NULL : json_object_new_boolean(d.disk == DEVICE_ENCRYPTED));
    int code = show_object(&as_json, row, &ctx->failure);
    json_object_put(row);
    return code;
}
