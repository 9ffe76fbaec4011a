/** Languages there is a list for, by their ISO 639-1 codes. */
export const LANGUAGES = ['en', 'de', 'fr', 'es', 'it', 'pt'] as const
export type Language = (typeof LANGUAGES)[number]

/** All of it in small letters without accents, as texts are compared, unless it says otherwise. */
export interface Words {
  /** In the notation of obscenity: `|` is the edge of a word, `[x]` may be missing, `?` is any character. */
  readonly patterns: readonly string[]
  /** Words with their accents, for those that are innocent without: coño, cono. */
  readonly accented: readonly string[]
  /** So bad that they are found with letters starred out and in two pieces, too: no part of them is innocent. */
  readonly strong: readonly string[]
  /** Innocent words that a pattern of any language would find. */
  readonly innocent: readonly string[]
  /** Beginnings of innocent words. */
  readonly innocentStems: readonly string[]
  /** Two words that are innocent beside each other. */
  readonly innocentPairs: readonly string[]
}

export const WORDS: Readonly<Record<Language, Words>> = {
  // Most patterns of English come with obscenity.
  en: {
    patterns: [
      'asshole', 'azzhole', '|biatch', '|double penetra', '|motherf?ck', '|mofo|', 'dumbass', 'jackass', 'cumshot',
      'clusterf?ck', 'bulls?it', 'shithead', '|phuck', '|phuk',
    ],
    accented: [],
    strong: [
      'fuck', 'fucker', 'fuckin', 'fucking', 'fucked', 'fucks', 'shit', 'shitty', 'bitch', 'bitches', 'cunt',
      'cunts', 'dick', 'dicks', 'cock', 'cocks', 'pussy', 'slut', 'sluts', 'whore', 'whores', 'nigger', 'niggers',
      'nigga', 'faggot', 'faggots', 'asshole', 'bastard', 'motherfucker', 'motherfucking', 'blowjob', 'wanker',
      'twat',
    ],
    innocent: [
      'mishit', 'mishits', 'matsushita', 'yamashita', 'kinoshita', 'akshit', 'harshit', 'rakshit', 'dikshit',
      'shiitake', 'shitake', 'scunthorpe', 'penistone', 'peniston', 'cockpit', 'cockpits', 'cockspur', 'georgy',
      'zemindar', 'dickson', 'dickinson', 'dickie', 'dickey', 'dickens', 'dickensian', 'benedick', 'medick',
      'riddick', 'vandyke', 'dykes', 'thorndyke', 'cummings', 'cummins', 'cumin', 'cumulative', 'titter', 'tittered',
      'tittering', 'tittle', 'pissarro', 'wankel', 'fagin', 'fagan', 'fagus', 'rapeseed', 'assort', 'assorted',
      'assortment', 'assyria', 'assyrian', 'assyrians', 'assmann', 'banal', 'arsenal', 'arsenic', 'sussex', 'essex',
      'middlesex', 'wessex', 'montenegro', 'turducken', 'janus', 'uranus', 'coriolanus', 'anusha', 'anushka',
      'manuscript', 'pornic', 'cockatoo', 'boobook', 'retardant', 'retardants', 'snigger', 'sniggers', 'niggle',
      'niggles', 'niggard', 'chinkapin', 'negroni', 'negronis', 'cuckoo', 'cuckoos', 'arsene', 'arsen', 'assassin',
      'assassins', 'shittim', 'spasticity',
    ],
    innocentStems: [
      'fuku', 'cumb', 'cumu', 'cummerb', 'analy', 'analog', 'analec', 'dickens', 'rapport', 'assis', 'raper',
    ],
    innocentPairs: [
      'van dyke', 'dick van', 'moby dick', 'dick clark', 'dick grayson', 'dick cheney', 'dick tracy', 'lee hooker',
      'kung fu', 'cum laude', 'fu manchu', 'spotted dick', 'bic bich', 'gas mask',
    ],
  },
  de: {
    patterns: [
      '|arsch', 'arschloch', 'arschlocher', '|fick', '|gefickt', '|verfick', '|abfick', 'fotze', 'hurensohn',
      'hurensohne', '|hure|', '|huren', 'wichser', '|wichs', 'schlampe', '|scheis[s]', 'bescheiss', 'missgeburt',
      'schwuchtel', '|nutte', 'kanake', '|spast|', '|spasti', '|neger|', '|negers|', '|titten', 'schwanzlutsch',
      'drecksau', '|miststuck', '|verpiss', 'schlitzauge', 'untermensch', '|muschi', '|mongo|',
    ],
    accented: ['möse', 'mösen'],
    strong: [
      'arschloch', 'ficken', 'gefickt', 'fotze', 'fotzen', 'hurensohn', 'wichser', 'schlampe', 'scheisse',
      'schwuchtel',
    ],
    innocent: [
      'abo', 'abos', 'fkk', 'dicke', 'dicker', 'dicken', 'dickes', 'wanken', 'wankt', 'negerkuss', 'kanal',
      'dickicht',
    ],
    innocentStems: ['kanal'],
    innocentPairs: [],
  },
  fr: {
    patterns: [
      '|connard', '|conard', '|connasse', '|conasse', '|salope', '|salaud', '|putain', '|pute|', '|putes|', '|encul',
      '|merde', '|niquer|', '|nique ta', '|ntm|', '|fdp|', 'fils de pute', '|branleu', '|couille', '|petasse',
      '|bougnoul', '|enfoir', '|tapette|', '|foutre|', '|bicot|', '|youpin', '|sucer ma', '|gouine', '|batard|',
      '|batards|',
    ],
    accented: ['pédé', 'pédés', 'négro', 'négros'],
    strong: ['connard', 'connasse', 'salope', 'putain', 'encule', 'enculer', 'merde', 'branleur', 'petasse'],
    innocent: ['assez', 'retards', 'retarder', 'retarde'],
    innocentStems: ['pissenlit', 'assomm', 'assoup', 'assez', 'retardat', 'dickens', 'cumul'],
    innocentPairs: ['en retard', 'du retard', 'de retard', 'le retard', 'mon retard', 'ton retard', 'un retard'],
  },
  es: {
    patterns: [
      '|puta|', '|putas|', '|puto|', '|putos|', '|putada', 'hijoputa', 'hijueputa', 'hijo de puta', '|gilipoll',
      '|cabron', '|mierda', '|joder|', '|jodete', '|jodido', '|jodida', '|pendej', '|chinga', '|verga|', '|maricon',
      '|follar', '|culero', '|cojon', '|mamada', '|malparid', '|polla|', '|pollas|', '|conchatumadre', '|zorra|',
      '|sudaca',
    ],
    accented: ['coño', 'coños'],
    strong: ['puta', 'puto', 'putas', 'cabron', 'mierda', 'gilipollas', 'pendejo', 'chingada', 'maricon', 'joder'],
    innocent: ['negro', 'negros', 'negra', 'negras', 'kike', 'retardo'],
    innocentStems: ['cumpl', 'cumbr', 'negro', 'negra', 'cumbi', 'retard', 'semental'],
    innocentPairs: [],
  },
  it: {
    patterns: [
      '|cazz', '|vaffancul', '|fancul', '|stronz', 'puttan', '|troia|', '|troie|', '|merda', '|merdos', '|minchia',
      '|coglion', '|bastardo', '|frocio', '|froci|', '|ricchion', '|zoccol', '|porco dio', '|dio cane', '|incul',
      '|pompino', '|figlio di putt',
    ],
    accented: [],
    strong: ['cazzo', 'vaffanculo', 'stronzo', 'stronza', 'puttana', 'merda', 'coglione', 'minchia', 'troia'],
    innocent: ['cazzuola', 'negroamaro', 'zoccolo', 'zoccoli'],
    innocentStems: [
      'cazzuol', 'inculc', 'assum', 'assol', 'asseg', 'assag', 'fagot', 'fagiol', 'fagian', 'rapid', 'rapin',
    ],
    innocentPairs: [],
  },
  pt: {
    patterns: [
      '|caralho', '|foda|', '|fodas|', '|foder|', '|fodase', '|fodid', '|porra|', '|puta|', '|putas|', '|putaria',
      '|merda', '|buceta', '|boceta', '|cuzao|', '|cuzoes|', '|viado|', '|arrombad', 'filho da puta', '|piroca',
      '|cacete|', '|boquete', '|punhet', '|vadia|', '|xoxota', '|desgracad',
    ],
    accented: [],
    strong: ['caralho', 'foder', 'porra', 'puta', 'merda', 'buceta', 'cuzao', 'viado', 'arrombado'],
    innocent: ['negro', 'negros', 'negra', 'negras', 'retardo'],
    innocentStems: ['cumpr', 'cumpl', 'negro', 'asses', 'assunt', 'assin', 'assad', 'retard'],
    innocentPairs: [],
  },
}
