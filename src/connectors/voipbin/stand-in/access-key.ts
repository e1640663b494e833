/** The access key of the stand-in's account. */
export const STAND_IN_ACCESS_KEY = 'vb_stand-in';
