//! Journeys and rehearsals as data, checked and compiled; a viewer's session as a pure state machine
