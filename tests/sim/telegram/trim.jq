# Trims the machine-readable Bot API to the methods the simulator speaks and the
# types they reach; descriptions go, one line per entry stays.
# Use: jq -r -f trim.jq full-api.json > api.json
def simulated: ["getMe", "getUpdates", "setWebhook", "deleteWebhook", "getWebhookInfo",
  "sendMessage", "editMessageText", "editMessageReplyMarkup", "deleteMessage",
  "answerCallbackQuery", "sendChatAction", "sendPhoto", "sendDocument", "sendVoice", "editMessageCaption", "getFile",
  "setMyCommands", "getMyCommands", "deleteMyCommands", "getChat", "leaveChat", "createInvoiceLink",
  "answerPreCheckoutQuery", "refundStarPayment", "getStarTransactions", "getMyStarBalance"];
def bare: gsub("Array of "; "");
def reach($types; $seen):
  ([$seen[] | $types[.] // empty | ((.fields // [])[] | .types[]), ((.subtypes // [])[])]
    | map(bare) | . + $seen | unique | map(select($types[.]))) as $next
  | if ($next | length) == ($seen | length) then $seen else reach($types; $next) end;
def slim: map([.name, .types, .required]);
. as $api
| ([simulated[] | $api.methods[.]]) as $methods
| ([$methods[] | ((.fields // [])[] | .types[]), .returns[]] | map(bare) | unique
    | map(select($api.types[.]))) as $roots
| reach($api.types; $roots) as $names
| "{\"version\": \(.version | tojson), \"methods\": {",
  ([$methods[] | "\(.name | tojson): \({fields: ((.fields // []) | slim), returns} | tojson)"]
    | join(",\n")),
  "}, \"types\": {",
  ([$names[] as $n | $api.types[$n]
    | "\($n | tojson): \({fields: ((.fields // []) | slim), subtypes: (.subtypes // [])} | tojson)"]
    | join(",\n")),
  "}}"
