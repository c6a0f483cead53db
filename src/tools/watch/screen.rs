//! The terminal: its keys, and its state before and after.

use super::choice::Key;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use std::io;
use std::time::Duration;

/// The terminal while the live view has it. It is restored when this is dropped, and on a panic.
pub struct Screen {
    /// What is drawn on.
    pub terminal: DefaultTerminal,
}

/// What a person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserInput {
    /// A key.
    Key(Key),
    /// Anything else, such as another size of the window.
    Other,
}

impl Screen {
    /// Takes the terminal: raw keys, and a screen of its own.
    ///
    /// # Errors
    /// If standard output is no terminal, or has no keys.
    pub fn open() -> io::Result<Screen> {
        Ok(Screen { terminal: ratatui::try_init()? })
    }

    /// What a person did since the last call.
    ///
    /// # Errors
    /// If the terminal has gone.
    pub fn input(&self) -> io::Result<Option<UserInput>> {
        if !event::poll(Duration::ZERO)? {
            return Ok(None);
        }
        Ok(Some(match event::read()? {
            Event::Key(pressed) => key(pressed).map_or(UserInput::Other, UserInput::Key),
            _ => UserInput::Other,
        }))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may have gone; then there is nothing to restore.
        let _ = self.terminal.show_cursor();
        let _ = ratatui::try_restore();
    }
}

fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    match pressed.code {
        KeyCode::Char('c' | 'd') if pressed.modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Quit),
        KeyCode::Char('q' | 'Q') => Some(Key::Quit),
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Some(Key::Help),
        KeyCode::Tab | KeyCode::Right => Some(Key::Next),
        KeyCode::BackTab | KeyCode::Left => Some(Key::Previous),
        KeyCode::Down => Some(Key::Down),
        KeyCode::Up => Some(Key::Up),
        KeyCode::Enter => Some(Key::Enter),
        KeyCode::Esc => Some(Key::Back),
        _ => None,
    }
}
