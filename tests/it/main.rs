mod terminal_adapter;
